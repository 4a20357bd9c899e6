"""An event of one of our programs, and how it becomes a row that can be kept for ever."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from solders.pubkey import Pubkey

from gridtokenx_hub.indexer.changes import Changes

LAST_DATE_S = 253_402_214_400  # 9999-12-31: what lies beyond is "never" to the database


@dataclass(frozen=True, slots=True)
class ChainEvent:
    """One event: `sequence` counts from 1 in each program and has no holes.

    Until it is `final`, a fork may take it back.
    """

    program: str
    sequence: int
    slot: int
    tx_signature: str
    name: str
    data: Mapping[str, object]
    final: bool

    def text(self, field: str) -> str:
        """Return an address or a name as text."""
        return str(self.data[field])

    def octets(self, field: str) -> bytes:
        """Return a byte array."""
        value = self.data[field]
        if not isinstance(value, bytes):
            raise TypeError(
                f"{self.name}.{field} is {type(value).__name__}, not bytes: the IDL differs"
            )
        return value

    def integer(self, field: str) -> int:
        """Return an integer; the programs let none into an event that bigint could not hold."""
        value = self.data[field]
        if not isinstance(value, int):
            raise TypeError(
                f"{self.name}.{field} is {type(value).__name__}, not int: the IDL differs"
            )
        return value

    def as_json(self) -> str:
        """Return the fields as JSON: addresses in base58, bytes in hexadecimal, exact integers."""
        return json.dumps(self.data, default=_plain, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as the database has it; its fields as `ChainEvent.as_json` writes them."""

    name: str
    data: Mapping[str, Any]


Handler = Callable[[Changes, ChainEvent], None]
"""What an event changes in the tables."""


def chain_time(unix_s: int) -> datetime:
    """Return an instant of the chain as the database keeps it."""
    if unix_s > LAST_DATE_S:
        return datetime.max.replace(tzinfo=UTC)
    return datetime.fromtimestamp(unix_s, UTC)


def _plain(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Pubkey):
        return str(value)
    raise TypeError(f"an event holds a {type(value).__name__}, which has no place in JSON")
