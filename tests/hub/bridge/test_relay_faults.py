"""What comes at the worst moment: races at a deadline, clocks, an EVM node that is away."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from relay_world import DAY_S, RelayWorld, bought, job_of, open_relay
from solders.pubkey import Pubkey

from gridtokenx_hub.bridge.guardian_answers import GuardianAnswers
from gridtokenx_hub.clocks import utc_now

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUR = dt.timedelta(hours=1)
NEVER_S = 10**6
PATIENCE_S = 30


@pytest_asyncio.fixture(loop_scope="module")
async def relay(
    postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RelayWorld]:
    async with open_relay(postgres_url, tmp_path_factory.mktemp("relay")) as opened:
        yield opened


async def round_of_the_hub(relay: RelayWorld) -> None:
    async with relay.world.pool.acquire() as connection:
        await relay.job.round(connection)


async def test_a_refund_comes_before_the_release(
    relay: RelayWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody carried the release for a day: it is refused then, and not sent for ever."""

    async def unheard(*_: object) -> list[bytes]:
        return []

    _, answer = await bought(relay)
    relay.pay(answer)
    path = f"/releases/{answer['reservation_id']}"

    async def is_signed() -> bool:
        return all([await guardian.get(path) for guardian in relay.guardians])

    with monkeypatch.context() as patch:
        patch.setattr(GuardianAnswers, "releases", unheard)
        await relay.until(is_signed)
    node, contracts = relay.baht.node, relay.baht.contracts
    node.call("evm_increaseTime", hex(DAY_S + 3_600))
    node.call("evm_mine")
    contracts.refund(Pubkey.from_string(answer["reservation_id"]))

    for _ in range(3):
        await round_of_the_hub(relay)
    assert await relay.state(answer) == "refunded"
    assert await relay.reservation(answer) == "matched"
    assert await relay.world.pool.fetchval("SELECT count(*) FROM evm_transactions") == 0
    assert contracts.balance(contracts.bridge) == 0


async def test_a_release_comes_before_the_refund(relay: RelayWorld) -> None:
    _, answer = await bought(relay)
    relay.pay(answer)
    await relay.until(lambda: relay.released(answer))
    node = relay.baht.node
    node.call("evm_increaseTime", hex(DAY_S + 3_600))
    node.call("evm_mine")
    with pytest.raises(AssertionError):  # the contract refuses it
        relay.baht.contracts.refund(Pubkey.from_string(answer["reservation_id"]))
    await round_of_the_hub(relay)
    assert await relay.state(answer) == "released"


async def test_a_clock_that_is_ahead_frees_nothing(relay: RelayWorld) -> None:
    """The hub believes that the hold is over; the chain knows better, and the payment goes on."""
    _, answer = await bought(relay)
    relay.pay(answer)
    await relay.job.aclose()
    relay.job = job_of(relay.world, relay.settings, lambda: utc_now() + 3 * HOUR)
    for _ in range(3):
        await relay.round()
    assert await relay.reservation(answer) == "open"

    await relay.job.aclose()
    relay.job = job_of(relay.world, relay.settings)
    await relay.until(lambda: relay.released(answer))


async def test_while_the_evm_node_is_away_the_hub_waits_and_then_goes_on(
    relay: RelayWorld, caplog: pytest.LogCaptureFixture
) -> None:
    _, answer = await bought(relay)
    relay.pay(answer)
    await round_of_the_hub(relay)
    away = relay.settings.model_copy(update={"rpc_url": "http://127.0.0.1:9"})
    present, relay.job = relay.job, job_of(relay.world, away)
    for _ in range(2):
        await round_of_the_hub(relay)
    told = [record for record in caplog.records if "listening waits" in record.message]
    assert len(told) == 1, "once, not at each round"
    assert await relay.state(answer) == "locked"
    await relay.job.aclose()
    relay.job = present
    await relay.until(lambda: relay.released(answer))


async def test_a_new_block_wakes_the_hub(relay: RelayWorld) -> None:
    """It never looks by itself here; the node's websocket tells of blocks."""
    _, answer = await bought(relay)
    url = relay.settings.rpc_url.replace("http", "ws", 1)
    told = relay.settings.model_copy(update={"websocket_url": url})
    job = job_of(relay.world, told, poll_s=NEVER_S)
    stop = asyncio.Event()
    running = asyncio.create_task(job.run(stop))
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not (job._heads and job._heads.is_listening):  # noqa: ASYNC110 - tells nobody
                await asyncio.sleep(0.01)
            relay.pay(answer)
            while await relay.state(answer) != "locked":  # noqa: ASYNC110 - likewise
                await asyncio.sleep(0.01)
    finally:
        stop.set()
        await running
