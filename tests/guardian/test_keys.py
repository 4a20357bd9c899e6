"""A guardian's keys: files for their owner alone, drawn once, and signatures that others verify."""

from pathlib import Path

import pytest
from eth_keys.datatypes import PrivateKey as EvmKey
from eth_keys.datatypes import Signature as EvmSignature

from gridtokenx_guardian import keys
from gridtokenx_guardian.errors import KeyFileError

DIGEST = bytes(range(32))


def test_they_are_for_their_owner_alone(tmp_path: Path) -> None:
    keys.create(tmp_path / "guardian")
    for name in (keys.SOLANA_KEY, keys.EVM_KEY):
        assert (tmp_path / "guardian" / name).stat().st_mode & 0o777 == 0o600


def test_they_are_drawn_once(tmp_path: Path) -> None:
    drawn = keys.create(tmp_path)
    with pytest.raises(KeyFileError, match="is there already"):
        keys.create(tmp_path)
    assert keys.load(tmp_path).solana == drawn.solana


def test_one_that_others_can_read_is_refused(tmp_path: Path) -> None:
    keys.create(tmp_path)
    (tmp_path / keys.EVM_KEY).chmod(0o640)
    with pytest.raises(KeyFileError, match="chmod 600"):
        keys.load(tmp_path)


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33), bytes(32)])
def test_a_damaged_one_is_refused(tmp_path: Path, seed: bytes) -> None:
    keys.create(tmp_path)
    (tmp_path / keys.EVM_KEY).write_bytes(seed)
    with pytest.raises(KeyFileError):
        keys.load(tmp_path)


def test_without_keys_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="gtx-guardian init"):
        keys.load(tmp_path)


def test_ethereum_knows_its_address_and_signatures(tmp_path: Path) -> None:
    drawn = keys.create(tmp_path)
    assert EvmKey(drawn.evm.secret).public_key.to_canonical_address() == drawn.evm_address
    signature = drawn.sign_evm(DIGEST)
    assert len(signature) == 65
    assert signature[-1] in {27, 28}
    recoverable = EvmSignature(signature[:-1] + bytes([signature[-1] - 27]))
    recovered = recoverable.recover_public_key_from_msg_hash(DIGEST)
    assert recovered.to_canonical_address() == drawn.evm_address


def test_the_same_digest_has_the_same_signatures(tmp_path: Path) -> None:
    keys.create(tmp_path)
    first, again = keys.load(tmp_path), keys.load(tmp_path)
    assert first.sign_evm(DIGEST) == again.sign_evm(DIGEST)
    assert first.sign_solana(DIGEST) == again.sign_solana(DIGEST)
