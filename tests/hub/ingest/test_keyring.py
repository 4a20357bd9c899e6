"""The hub's fast verification accepts exactly what the protocol's does."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st

from gridtokenx_hub.ingest.keyring import MeterKey
from gridtokenx_protocol import cose
from gridtokenx_protocol.errors import BadKey, ProtocolError
from gridtokenx_protocol.keys import Algorithm, Signer, SoftwareSigner

VECTORS = Path(__file__).resolve().parents[3] / "protocol" / "vectors"
SIGNERS: list[Signer] = [
    SoftwareSigner(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))),
    SoftwareSigner(ec.derive_private_key(5, ec.SECP256R1())),
]
Case = dict[str, Any]


def cases(file: str) -> pytest.MarkDecorator:
    loaded = json.loads((VECTORS / file).read_text(encoding="utf-8"))
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in loaded])


@cases("messages.json")
def test_the_vectors_of_messages(case: Case) -> None:
    def check() -> None:
        signed = cose.decode(bytes.fromhex(case["message"]))
        public_key = bytes.fromhex(case["public_key"])
        MeterKey.load(Algorithm(case["algorithm"]), public_key).verify(signed)

    if "error" not in case:
        check()
        return
    with pytest.raises(ProtocolError) as caught:
        check()
    assert caught.value.reason == case["error"]["reason"]


@cases("keys.json")
def test_the_vectors_of_keys(case: Case) -> None:
    algorithm, public_key = Algorithm(case["algorithm"]), bytes.fromhex(case["public_key"])
    if "error" in case:
        with pytest.raises(BadKey):
            MeterKey.load(algorithm, public_key)
    else:
        assert MeterKey.load(algorithm, public_key).kid.hex() == case["expected"]["kid"]


@given(
    st.sampled_from(SIGNERS),
    st.binary(min_size=120, max_size=120),
    st.lists(st.tuples(st.integers(0, 204), st.integers(1, 255)), max_size=3),
)
def test_a_changed_message_is_taken_or_refused_alike(
    signer: Signer, payload: bytes, changes: list[tuple[int, int]]
) -> None:
    message = bytearray(cose.sign(payload, signer))
    for position, change in changes:
        message[position] ^= change
    try:
        signed = cose.decode(bytes(message))
    except ProtocolError:
        return
    key = MeterKey.load(signer.algorithm, signer.public_key)
    expected = outcome(lambda: cose.verify(signed, signer.algorithm, signer.public_key))
    assert outcome(lambda: key.verify(signed)) == expected
    if not changes:
        assert expected == "accepted"


def outcome(verify: Callable[[], None]) -> str:
    try:
        verify()
    except ProtocolError as error:
        return error.reason
    return "accepted"
