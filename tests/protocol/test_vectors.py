"""The vectors: up to date with their generator, and true of this implementation."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gridtokenx_protocol import cose
from gridtokenx_protocol.ack import Ack, open_ack
from gridtokenx_protocol.deployment import deployment_id
from gridtokenx_protocol.errors import BadSignature, ProtocolError
from gridtokenx_protocol.keys import Algorithm, check_public_key, check_signature_form, key_id
from gridtokenx_protocol.payload import Payload, record_hash
from gridtokenx_protocol.record import Record
from gridtokenx_protocol.units import quote

VECTORS = Path(__file__).resolve().parents[2] / "protocol" / "vectors"

Case = dict[str, Any]


def cases(file: str) -> pytest.MarkDecorator:
    loaded = json.loads((VECTORS / file).read_text(encoding="utf-8"))
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in loaded])


def fields_of(record: Record) -> dict[str, str]:
    names = Record.__dataclass_fields__
    values = {name: getattr(record, name) for name in names}
    return {k: v.hex() if isinstance(v, bytes) else str(v) for k, v in values.items()}


def test_the_committed_files_are_what_the_generator_makes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, VECTORS / "generator", tmp_path], check=True)
    made = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert made == {path.name: path.read_text(encoding="utf-8") for path in VECTORS.glob("*.json")}


@cases("records.json")
def test_record(case: Case) -> None:
    data = bytes.fromhex(case["record"])
    if "error" in case:
        with pytest.raises(ProtocolError) as caught:
            Record.decode(data)
        assert caught.value.reason == case["error"]["reason"]
        return
    record = Record.decode(data)
    assert fields_of(record) == case["expected"]["fields"]
    assert record.encode() == data
    assert record_hash(record).hex() == case["expected"]["hash"]
    for algorithm, signed in case["expected"]["signed_bytes"].items():
        assert cose.signed_record_message(int(algorithm), data).hex() == signed


@cases("payloads.json")
def test_payload(case: Case) -> None:
    data = bytes.fromhex(case["payload"])
    if "error" in case:
        with pytest.raises(ProtocolError) as caught:
            Payload.decode(data)
        assert caught.value.reason == case["error"]["reason"]
        return
    payload, expected = Payload.decode(data), case["expected"]
    assert [fields_of(record) for record in payload.records] == expected["records"]
    assert (payload.extras.hex() if payload.extras else None) == expected["extras"]
    assert record_hash(payload.records[-1], payload.extras).hex() == expected["last_hash"]
    assert payload.encode() == data


@cases("messages.json")
def test_message(case: Case) -> None:
    message = bytes.fromhex(case["message"])
    algorithm, public_key = Algorithm(case["algorithm"]), bytes.fromhex(case["public_key"])
    error = case.get("error")
    if error and error["stage"] == "decode":
        with pytest.raises(ProtocolError) as caught:
            cose.decode(message)
        assert caught.value.reason == error["reason"]
        return
    signed = cose.decode(message)
    if error:
        with pytest.raises(ProtocolError) as caught:
            cose.verify(signed, algorithm, public_key)
        assert caught.value.reason == error["reason"]
        return
    cose.verify(signed, algorithm, public_key)
    expected = case["expected"]
    assert signed.algorithm is algorithm
    assert signed.cose_algorithm == expected["cose_algorithm"]
    assert signed.kid.hex() == expected["kid"]
    assert signed.payload.hex() == expected["payload"]
    assert signed.signature.hex() == expected["signature"]
    assert signed.signed_bytes().hex() == expected["signed_bytes"]


FORM_IS_WRONG = (
    "high-S twin of a P-256 signature",
    "P-256 signature with r = 0",
    "P-256 signature with s = 0",
    "Ed25519 signature with S + L",
    "Ed25519 signature that holds with R of small order",
)


@pytest.mark.parametrize("name", FORM_IS_WRONG)
def test_the_form_of_a_signature_is_checked_before_any_backend(name: str) -> None:
    messages = json.loads((VECTORS / "messages.json").read_text(encoding="utf-8"))
    case = next(case for case in messages if case["name"] == name)
    signed = cose.decode(bytes.fromhex(case["message"]))
    with pytest.raises(BadSignature):
        check_signature_form(signed.algorithm, signed.signature)


@cases("keys.json")
def test_key(case: Case) -> None:
    algorithm, public_key = Algorithm(case["algorithm"]), bytes.fromhex(case["public_key"])
    if "error" in case:
        with pytest.raises(ProtocolError) as caught:
            check_public_key(algorithm, public_key)
        assert caught.value.reason == case["error"]["reason"]
        return
    check_public_key(algorithm, public_key)
    assert key_id(public_key).hex() == case["expected"]["kid"]


@cases("acks.json")
def test_ack(case: Case) -> None:
    message, key = bytes.fromhex(case["message"]), bytes.fromhex(case["public_key"])
    if "error" in case:
        with pytest.raises(ProtocolError) as caught:
            open_ack(message, Algorithm.ED25519, key)
        assert caught.value.reason == case["error"]["reason"]
        return
    ack = open_ack(message, Algorithm.ED25519, key)
    values = {name: getattr(ack, name) for name in Ack.__dataclass_fields__}
    assert {k: v.hex() if isinstance(v, bytes) else str(v) for k, v in values.items()} == case[
        "expected"
    ]


@cases("quotes.json")
def test_quote(case: Case) -> None:
    amount, price = int(case["amount_mwh"]), int(case["price_micro_grx_per_kwh"])
    if "error" in case:
        with pytest.raises(ProtocolError) as caught:
            quote(amount, price)
        assert caught.value.reason == case["error"]["reason"]
        return
    assert quote(amount, price) == int(case["expected"]["micro_grx"])


@cases("deployments.json")
def test_deployment(case: Case) -> None:
    genesis, program = (bytes.fromhex(case[name]) for name in ("genesis_hash", "registry_program"))
    assert deployment_id(genesis, program).hex() == case["expected"]["deployment"]
