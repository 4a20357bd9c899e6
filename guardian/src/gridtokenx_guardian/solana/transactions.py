"""What an executed transaction called, from the JSON of `getTransaction` with base64."""

import base64
from collections.abc import Iterator
from typing import Any

import base58
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction


def instructions_called(answer: Any) -> Iterator[tuple[Pubkey, bytes]]:
    """Programs that programs called in this transaction, and with which data.

    Raises:
        LookupError, TypeError, ValueError: the answer has another form.
    """
    meta = answer["meta"]
    message = VersionedTransaction.from_bytes(
        base64.b64decode(answer["transaction"][0], validate=True)
    ).message
    loaded = meta.get("loadedAddresses") or {"writable": [], "readonly": []}
    more = loaded["writable"] + loaded["readonly"]
    keys = [*message.account_keys, *(Pubkey.from_string(key) for key in more)]
    for group in meta["innerInstructions"] or ():
        for called in group["instructions"]:
            yield keys[called["programIdIndex"]], base58.b58decode(called["data"])
