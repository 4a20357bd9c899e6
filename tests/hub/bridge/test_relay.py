"""From a payment to energy and baht, by the hub's own job, on real chains with real guardians."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from relay_world import RelayWorld, all_moves_to_the_last_unit, bought, job_of, open_relay
from solders.pubkey import Pubkey
from tests.guardian.chains.evm import Quote

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def relay(
    postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RelayWorld]:
    async with open_relay(postgres_url, tmp_path_factory.mktemp("relay")) as opened:
        yield opened


async def test_a_payment_brings_energy_and_then_the_treasury_its_baht(relay: RelayWorld) -> None:
    await all_moves_to_the_last_unit(relay)


async def test_two_of_three_guardians_suffice(relay: RelayWorld) -> None:
    _, answer = await bought(relay)
    relay.pay(answer)
    await relay.until(lambda: relay.released(answer), relay.guardians[1:])


async def test_one_guardian_moves_nothing(relay: RelayWorld) -> None:
    """Its signature is there, and neither chain is asked; a second one ends the wait."""
    money, answer = await bought(relay)
    relay.pay(answer)
    before = await money.now()
    alone = relay.guardians[0]
    path = f"/attestations/{answer['reservation_id']}"

    async def has_signed() -> bool:
        return await alone.get(path) is not None

    await relay.until(has_signed, [alone])
    await relay.round([alone])
    assert await money.now() == before
    assert await relay.reservation(answer) == "open"
    await relay.until(lambda: relay.released(answer), relay.guardians[:2])


async def test_a_hub_that_begins_again_ends_what_another_began(relay: RelayWorld) -> None:
    """Killed after the match: the release is another process's."""
    _, answer = await bought(relay)
    relay.pay(answer)

    async def is_matched() -> bool:
        return await relay.reservation(answer) == "matched"

    await relay.until(is_matched)
    first, relay.job = relay.job, job_of(relay.world, relay.settings)
    try:
        await relay.until(lambda: relay.released(answer))
    finally:
        await relay.job.aclose()
        relay.job = first


async def test_a_reorg_takes_the_payment_back_and_nothing_is_delivered(relay: RelayWorld) -> None:
    money, answer = await bought(relay)
    before = await money.now()
    snapshot = relay.baht.node.call("evm_snapshot")
    relay.pay(answer)
    async with relay.world.pool.acquire() as connection:
        await relay.job.round(connection)
    assert await relay.state(answer) == "locked"

    relay.baht.node.call("evm_revert", snapshot)
    for _ in range(5):
        await relay.round()
    assert await relay.state(answer) is None
    assert await money.now() == before
    assert await relay.reservation(answer) == "open"


async def test_a_payment_for_nothing_known_stays_for_its_refund(relay: RelayWorld) -> None:
    """The bridge holds it, no reservation is of that name: nothing is sent, nothing breaks."""
    contracts = relay.baht.contracts
    _, answer = await bought(relay)
    node = relay.baht.node
    now_s = int(node.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    odd = Quote(contracts.buyer, Pubkey.new_unique(), Pubkey.new_unique(), 5, now_s + 600)
    contracts.pay(odd)
    relay.pay(answer)
    await relay.until(lambda: relay.released(answer))
    found = await relay.world.pool.fetchval(
        "SELECT state FROM payments WHERE reservation_id = $1", str(odd.reservation)
    )
    assert found == "locked"
