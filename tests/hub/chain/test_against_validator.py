"""The local chain's answers beside a real validator's: the same shapes, errors and numbers."""

from typing import Any

import pytest
from tests.hub.local_chain import harness

from . import conversation, validator
from .differences import difference

pytestmark = pytest.mark.skipif(
    validator.find() is None,
    reason="no solana-test-validator on PATH or in the folder that GTX_SOLANA_BIN names",
)

ONLY_SHAPES = {
    "airdrop",
    "block height",
    "failed",
    "genesis hash",
    "minting",
    "owned of a mint",
    "owned of a program",
    "filtered",
    "part of the clock",
    "repeated without trial",
    "slot",
    "slot too far",
    "transfer",
    "unknown blockhash without trial",
    "false signature without trial",
    "versioned",
    "versioned as base58",
    "versioned as base64",
    "version",
}
MESSAGES_THAT_DIFFER = {"block time of text", "balance of a number", "block time of the far future"}


async def test_same_answers(local_url: str, validator_url: str) -> None:
    async with harness.connected(local_url) as rpc:
        local = await conversation.converse(rpc)
    async with harness.connected(validator_url) as rpc:
        real = await conversation.converse(rpc)
    assert local.keys() == real.keys()
    differing = {
        label: (found, local[label], real[label])
        for label in local
        if (found := differs(label, local[label], real[label]))
    }
    assert not differing, "\n".join(map(str, differing.items()))


def differs(label: str, local: Any, real: Any) -> str | None:
    """Where two answers differ, None if they do not."""
    if label in MESSAGES_THAT_DIFFER:
        local["error"].pop("message")
        real["error"].pop("message")
    return difference(local, real, exact=label not in ONLY_SHAPES)
