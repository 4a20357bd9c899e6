"""Reading the chain up to a given event at once, where no indexer runs."""

from collections.abc import Mapping

from gridtokenx_hub.chain import ChainClient
from gridtokenx_hub.indexer.follower import Follower
from gridtokenx_hub.indexer.indexer import BATCH_SIZE, OVERLAP_SLOTS, PAGE_SIZE
from gridtokenx_hub.leadership import Connection
from gridtokenx_programs import Program


async def catch_up(
    connection: Connection,
    client: ChainClient,
    programs: Mapping[str, Program],
    events: Mapping[str, int],
) -> None:
    """Apply the events of each program up to these numbers; some after them, perhaps.

    Raises:
        IndexerError: the chain does not show every event.
        ChainUnavailable: the node does not answer.
    """
    for name, program in programs.items():
        follower = Follower(
            client,
            name,
            program,
            page_size=PAGE_SIZE,
            overlap_slots=OVERLAP_SLOTS,
            batch_size=BATCH_SIZE,
        )
        while await follower.position(connection) < events.get(name, 0):
            await follower.advance(connection)
