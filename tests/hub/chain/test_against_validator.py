"""The local chain's answers beside a real validator's: the same shapes, errors and numbers."""

from typing import Any

import pytest
from tests.hub.local_chain import harness

from . import conversation, validator

pytestmark = pytest.mark.skipif(
    validator.find() is None,
    reason="no solana-test-validator on PATH or in the folder that GTX_SOLANA_BIN names",
)

VALUES_THAT_DIFFER = {
    # what names a chain, a moment or a build
    "apiVersion",
    "blockhash",
    "blockTime",
    "feature-set",
    "lastValidBlockHeight",
    "recentBlockhash",
    "signature",
    "signatures",
    "slot",
    "solana-core",
    "transactionIndex",
    # how sure it is: what the local chain shows is final at once
    "confirmationStatus",
    "confirmations",
    # stale since rent is no longer collected
    "rentEpoch",
}
ONLY_THE_VALIDATOR_HAS = {
    "costUnits",
    "loadedAccountsDataSize",
    "loadedAddresses",
    "postBalances",
    "postTokenBalances",
    "preBalances",
    "preTokenBalances",
}
"""Of these, all but costUnits are missing in simulations alone."""

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
        label: (difference, local[label], real[label])
        for label in local
        if (difference := differs(label, local[label], real[label]))
    }
    assert not differing, "\n".join(map(str, differing.items()))


def differs(label: str, local: Any, real: Any) -> str | None:
    """Where two answers differ, None if they do not."""
    exact = label not in ONLY_SHAPES
    if label in MESSAGES_THAT_DIFFER:
        local["error"].pop("message")
        real["error"].pop("message")
    return _difference(local, real, "", exact=exact)


def _difference(local: Any, real: Any, where: str, *, exact: bool) -> str | None:
    name = where.rpartition(".")[2]
    if name in VALUES_THAT_DIFFER:
        return None
    if isinstance(local, dict) and isinstance(real, dict):
        names = {key for key in real if key in local or key not in ONLY_THE_VALIDATOR_HAS}
        if names != local.keys():
            return f"{where} has {sorted(names ^ local.keys())} on one side only"
        parts = [(local[key], real[key], f"{where}.{key}") for key in names]
    elif isinstance(local, list | tuple) and isinstance(real, list | tuple):
        if len(local) != len(real):
            return f"{where} has {len(local)} and {len(real)} members"
        parts = [(a, b, where) for a, b in zip(local, real, strict=True)]
    elif exact:
        return None if local == real else f"{where}: {local!r} is not {real!r}"
    else:
        return None if type(local) is type(real) else f"{where}: {local!r} is not like {real!r}"
    found = (_difference(a, b, place, exact=exact) for a, b, place in parts)
    return next((difference for difference in found if difference), None)
