"""The programs' events as the indexer keeps them, and whom each of them concerns."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
from solders.pubkey import Pubkey

from gridtokenx_hub.api.access.auth import Principal
from gridtokenx_hub.api.explorer.models import Events, ProgramName, ShownEvent
from gridtokenx_hub.api.http.pagination import page_of, read_cursor
from gridtokenx_hub.api.market.trades import NEWEST
from gridtokenx_programs import Addresses

EVENTS = """
SELECT e.*,
       e.program = 'trading' OR e.name IN ('DeploymentInitialized', 'RegistrarAppointed',
           'RegistrarDismissed', 'EnergyTokenSet', 'AuthoritySet', 'TokensInitialized') AS public,
       ARRAY[data ->> 'wallet', data ->> 'owner', data ->> 'previous_owner',
             data ->> 'destination',
             CASE WHEN NOT data ? 'owner' THEN (
                 SELECT owner_wallet FROM meters m
                  WHERE m.meter_id = decode(data ->> 'meter_id', 'hex')) END] AS concerned,
       e.program = 'energy_token' AND data ? 'meter_id' AND NOT data ? 'owner'
           AND NOT EXISTS (SELECT FROM meters m
                            WHERE m.meter_id = decode(data ->> 'meter_id', 'hex')) AS early
  FROM {source}
"""
"""The market's events and the deployment's are public; meters and balances are their owners'.

Programs are indexed apart: an event is early when its meter is not known yet, nor whose it is.
"""
LIST = """
SELECT * FROM ({events}) AS shown
 WHERE (public OR $1 OR concerned && $2::text[])
   AND ($3::text IS NULL OR program = $3) AND ($4::text IS NULL OR name = $4)
   AND (slot, program, sequence) < ($5, $6, $7)
 ORDER BY slot DESC, program DESC, sequence DESC LIMIT $8
""".format(events=EVENTS.format(source="events e"))
BEYOND = """
unnest($1::text[], $2::bigint[]) AS reached (program, upto)
  JOIN events e ON e.program = reached.program AND e.sequence > upto
"""
AFTER = EVENTS.format(source=BEYOND) + " ORDER BY e.slot, e.program, e.sequence LIMIT $3"
HIGHEST_NAME = "~"
"""Behind every program's name."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks at events.

    Args:
        sees_all: an operator.
        accounts: a user's wallet and its GRX account: what concerns these is shown.
    """

    sees_all: bool = False
    accounts: tuple[str, ...] = ()

    def may_see(self, entry: "Entry") -> bool:
        """Tell whether an event is for them."""
        return entry.public or self.sees_all or not entry.concerned.isdisjoint(self.accounts)


@dataclass(frozen=True, slots=True)
class Entry:
    """An event, and whom it concerns."""

    event: ShownEvent
    public: bool
    concerned: frozenset[str]


def viewer_of(principal: Principal | None, addresses: Addresses) -> Viewer:
    """Return what a caller may see; None is anybody."""
    if principal is None or principal.wallet is None:
        return Viewer(sees_all=principal is not None and principal.role == "operator")
    grx = addresses.associated_token(Pubkey.from_string(principal.wallet), addresses.grx_mint())
    return Viewer(accounts=(principal.wallet, str(grx)))


async def list_events(
    pool: asyncpg.Pool,
    viewer: Viewer,
    program: ProgramName | None,
    name: str | None,
    limit: int,
    cursor: str | None,
) -> Events:
    """Return a page of the events that a viewer may see, newest slot first.

    Raises:
        Problem: 422, the cursor is none of this list.
    """
    before = read_cursor("events", cursor, int, str, int) or (NEWEST, HIGHEST_NAME, NEWEST)
    rows = await pool.fetch(
        LIST, viewer.sees_all, viewer.accounts, program, name, *before, limit + 1
    )
    page, following = page_of(
        rows, limit, "events", lambda row: (row["slot"], row["program"], row["sequence"])
    )
    return Events(events=[entry_of(row).event for row in page], next=following)


async def events_after(
    pool: asyncpg.Pool, reached: Mapping[str, int], limit: int
) -> Sequence[Entry]:
    """Return events behind those that are `reached` (numbers by program), oldest first.

    From the first early event of a program on, its events are left for the next time.
    """
    rows = await pool.fetch(AFTER, list(reached), list(reached.values()), limit)
    held_up: set[str] = set()
    entries = []
    for row in rows:
        if row["early"]:
            held_up.add(row["program"])
        if row["program"] not in held_up:
            entries.append(entry_of(row))
    return entries


async def newest_events(pool: asyncpg.Pool, programs: Sequence[str]) -> dict[str, int]:
    """Return the number of each program's newest event, 0 where there is none."""
    rows = await pool.fetch(
        "SELECT program, max(sequence) AS newest FROM events"
        " WHERE program = ANY($1::text[]) GROUP BY program",
        programs,
    )
    return dict.fromkeys(programs, 0) | {row["program"]: row["newest"] for row in rows}


def entry_of(row: Any) -> Entry:
    """Return a row of `EVENTS`."""
    event = ShownEvent(
        program=row["program"],
        sequence=row["sequence"],
        name=row["name"],
        slot=row["slot"],
        tx_signature=row["tx_signature"],
        final=row["final"],
        data=json.loads(row["data"]),
    )
    return Entry(event, row["public"], frozenset(filter(None, row["concerned"])))
