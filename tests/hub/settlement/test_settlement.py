import pytest

from gridtokenx_hub.indexer import reconcile
from gridtokenx_protocol.keys import Algorithm

from ..onchain import ADDRESSES, KWH, PROGRAMS, World, now_ms, running


def boundary_ms() -> int:
    """The last boundary of a settlement interval."""
    return now_ms() // 1000 * 1000


@pytest.mark.parametrize("algorithm", Algorithm, ids=lambda algorithm: algorithm.name)
async def test_twelve_kwh_that_a_device_signed_become_twelve_tokens(
    world: World, algorithm: Algorithm
) -> None:
    device = await world.device(algorithm=algorithm)
    device.produce(12)
    await world.store(device, device.record(boundary_ms()))

    async with running(world.indexer(), world.settlement()):
        await world.states_become(device, "settled")

    (row,) = await world.rows(device)
    assert (row["minted_mwh"], row["attempts"], row["error"]) == (12 * KWH, 1, None)
    assert await world.energy_of(device.owner) == 12 * KWH
    assert await reconcile(world.pool, world.client, PROGRAMS, ADDRESSES) == []
