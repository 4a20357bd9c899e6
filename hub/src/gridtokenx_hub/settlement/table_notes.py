"""What the database remembers of the lookup tables: where they are, and what was meant for them."""

from collections.abc import Sequence
from dataclasses import dataclass

from solders.pubkey import Pubkey

from gridtokenx_hub.leadership import Connection


@dataclass(frozen=True, slots=True)
class Note:
    """A table that there is, or that was about to be made of `recent_slot`."""

    address: Pubkey
    recent_slot: int


async def note(
    connection: Connection, table: Pubkey, addresses: Sequence[Pubkey], recent_slot: int = 0
) -> None:
    """Remember, beside what is noted already, what a table holds or is to hold."""
    await connection.execute(
        "INSERT INTO lookup_tables AS t (address, recent_slot, addresses) VALUES ($1, $2, $3)"
        " ON CONFLICT (address) DO UPDATE"
        " SET addresses = ARRAY(SELECT DISTINCT unnest(t.addresses || excluded.addresses))",
        str(table),
        recent_slot,
        [str(address) for address in addresses],
    )


async def is_noted(connection: Connection, table: Pubkey) -> bool:
    """Whether a table is noted already."""
    return bool(
        await connection.fetchval(
            "SELECT EXISTS (SELECT FROM lookup_tables WHERE address = $1)", str(table)
        )
    )


async def about(connection: Connection, addresses: Sequence[Pubkey]) -> list[Note]:
    """Return the tables that may hold one of these addresses, and the one with the most room."""
    rows = await connection.fetch(
        "SELECT address, recent_slot FROM lookup_tables WHERE addresses && $1::text[] OR address ="
        " (SELECT address FROM lookup_tables ORDER BY cardinality(addresses), address LIMIT 1)"
        " ORDER BY address",
        [str(address) for address in addresses],
    )
    return [Note(Pubkey.from_string(row["address"]), row["recent_slot"]) for row in rows]


async def forget(connection: Connection, table: Pubkey) -> None:
    """Forget a table that is gone or cannot be used any more."""
    await connection.execute("DELETE FROM lookup_tables WHERE address = $1", str(table))
