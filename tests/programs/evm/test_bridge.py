"""The digest of a release is EIP-712's; the vectors were made with eth-account 0.14."""

import pytest
from coincurve import PrivateKey
from solders.pubkey import Pubkey

from gridtokenx_programs.evm import (
    BridgeId,
    Release,
    address_of_key,
    personal_digest,
    recover,
    sign,
)
from gridtokenx_programs.evm.words import checksummed

KEY = PrivateKey(b"\7" * 32)
ORDINARY = (
    BridgeId(31_337, bytes(range(100, 120))),
    Release(Pubkey(bytes(range(32))), bytes(range(20)), 300_000_000, 1),
    "a0ff63aea8ee77e7106055bc6b5bcf3c980f0f9955c613752bc5f2205e13b2c2",
    (
        "c1fe1bdfa7e79ba67c91128d79b77a12697fde467cc4f6cd7263b75d8e061c9d"
        "07a571020788504177a8054922bb2288b7774bcaabc3cb191ccf8189e1cbe4d31c"
    ),
)
LARGEST = (
    BridgeId(2**62, b"\xff" * 20),
    Release(Pubkey(b"\xff" * 32), b"\xfe" * 20, 2**256 - 1, 2**63 - 1),
    "adc4aad4ccf9da224afc04ad953f0e25fb7605aee962d2ec2a2fbb94fecc8452",
    (
        "49740285854cee461a1da875c59595fe0756a4ad1023cc939b2129c232e0eb52"
        "4975c7eb41f694a952a82bc6f46d6f84c4322cca752a1666d6fb27bc812ccb581b"
    ),
)


@pytest.mark.parametrize(("bridge", "release", "digest", "signature"), [ORDINARY, LARGEST])
def test_digest_and_signature(
    bridge: BridgeId, release: Release, digest: str, signature: str
) -> None:
    assert release.digest(bridge).hex() == digest
    assert sign(KEY, release.digest(bridge)).hex() == signature


def test_the_address_of_the_key() -> None:
    assert address_of_key(KEY).hex() == "4a62316623ad457f02cdc5d997ded67a383ec569"


def test_a_text_signed_by_a_wallet() -> None:
    """EIP-191; hash, signature and address as in the documentation of eth-account."""
    digest = personal_digest("I♥SF")
    assert digest.hex() == "1476abb745d423bf09273f1afd887d951181d25adc66c4834a70491911b7f750"
    signature = bytes.fromhex(
        "e6ca9bba58c88611fad66a6ce8f996908195593807c4b38bd528d2cff09d4eb3"
        "3e5bfbbf4d3e39b1a2fd816a7680c19ebebaf3a141b239934ad43cb33fcec8ce1c"
    )
    signer = recover(digest, signature)
    assert signer is not None
    assert checksummed(signer) == "0x5ce9454909639D2D17A3F753ce7d93fa0b9aB12E"
    assert recover(digest, sign(KEY, digest)) == address_of_key(KEY)


@pytest.mark.parametrize(
    "signature",
    [b"", bytes(64), bytes(65), bytes(64) + b"\x1b", b"\xff" * 64 + b"\x1c", b"\1" * 64 + b"\2"],
)
def test_signatures_of_nobody(signature: bytes) -> None:
    assert recover(personal_digest("text"), signature) is None


@pytest.mark.parametrize(
    "address",
    [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    ],
)
def test_checksums(address: str) -> None:
    """The examples of EIP-55."""
    assert checksummed(bytes.fromhex(address[2:])) == address
