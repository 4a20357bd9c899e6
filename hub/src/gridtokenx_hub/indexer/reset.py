"""Takes back all that a program's events have put into the tables, before they are read anew."""

from collections.abc import Mapping

from gridtokenx_hub.leadership import Connection

RESET: Mapping[str, tuple[str, ...]] = {
    "registry": (
        "UPDATE users SET registered_at = NULL",  # names and rights are the hub's own
        "DELETE FROM meters",
    ),
    "energy_token": (
        "DELETE FROM ledgers",
        # What is not settled after all is on its way as far as we know: settlement finds out.
        """UPDATE settlements SET status = 'sent', minted_mwh = NULL,
           tx_position = coalesce(tx_position, 0),
           last_valid_block_height = coalesce(last_valid_block_height, 0)
           WHERE status = 'settled'""",
    ),
    "trading": (
        "DELETE FROM reservations",
        "DELETE FROM orders",
        "DELETE FROM offers",
        "DELETE FROM transactions",
        "DELETE FROM prices",
    ),
}


async def reset(connection: Connection, program: str) -> None:
    """Empty the tables of a program; others see it only when the transaction is committed."""
    for statement in RESET[program]:
        await connection.execute(statement)
    await connection.execute("DELETE FROM events WHERE program = $1", program)
    await connection.execute("DELETE FROM watermarks WHERE program = $1", program)
