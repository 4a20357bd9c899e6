"""Where the answers of two nodes differ, beside what names a chain, a moment or a build."""

from collections.abc import Mapping
from typing import Any

VALUES_THAT_DIFFER = {
    # what names a chain, a moment or a build
    "apiVersion",
    "blockhash",
    "blockTime",
    "contextSlot",
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


def difference(local: Any, real: Any, *, exact: bool = True, where: str = "") -> str | None:
    """The first difference, None if there is none; if not `exact`, only shapes are compared."""
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
    found = (difference(a, b, exact=exact, where=place) for a, b, place in parts)
    return next((one for one in found if one), None)


def named(answer: Any, names: Mapping[str, str]) -> Any:
    """An answer in which what `names` knows has its name, under a key that is compared."""
    if isinstance(answer, dict):
        return {
            f"named {key}" if isinstance(value, str) and value in names else key: named(
                value, names
            )
            for key, value in answer.items()
        }
    if isinstance(answer, list):
        return [named(value, names) for value in answer]
    return names.get(answer, answer) if isinstance(answer, str) else answer
