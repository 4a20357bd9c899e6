"""What guardians sign, and the proof of it."""

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from gridtokenx_programs import BadValueError
from gridtokenx_programs.attestation import guardian_proof
from gridtokenx_programs.precompiles import ED25519, ED25519_PROGRAM, signature_instruction

DIGEST = bytes(range(32))


def signed(count: int) -> list[tuple[Pubkey, bytes]]:
    keys = [Keypair() for _ in range(count)]
    return [(key.pubkey(), bytes(key.sign_message(DIGEST))) for key in keys]


def test_one_signature_is_laid_out_as_the_precompiles_own() -> None:
    [(key, signature)] = pair = signed(1)
    assert guardian_proof(pair, DIGEST) == signature_instruction(
        ED25519, bytes(key), signature, DIGEST
    )


@pytest.mark.parametrize("count", [2, 3, 9])
def test_the_message_is_there_once(count: int) -> None:
    pairs = signed(count)
    proof = guardian_proof(pairs, DIGEST)
    data = bytes(proof.data)
    assert proof.program_id == ED25519_PROGRAM
    assert len(data) == 34 + 110 * count
    assert data[:2] == bytes([count, 0])
    assert data[-32:] == DIGEST
    assert data.count(DIGEST) == 1
    keys_at = 2 + 14 * count
    assert data[keys_at:-32] == b"".join(bytes(key) + signature for key, signature in pairs)


def test_wrong_sizes_are_refused() -> None:
    [(key, signature)] = signed(1)
    with pytest.raises(BadValueError, match="digest must be 32"):
        guardian_proof([(key, signature)], DIGEST[:-1])
    with pytest.raises(BadValueError, match="must be 64"):
        guardian_proof([(key, signature[:-1])], DIGEST)
