"""A whole hub behind a socket, with its broker and ingest, and a simulated meter."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ed25519
from tests.hub.conftest import postgres_url

# pytest's importlib mode leaves sys.path alone; the hub's tests have a world and words for codes.
sys.path.insert(0, str(Path(__file__).parents[1] / "hub" / "provisioning"))
sys.path.insert(0, str(Path(__file__).parents[1] / "hub" / "api"))

from hub_world import HubWorld, open_world
from tests.provisioning.door import Door, served
from tests.provisioning.on_site import Device, Meter

from demo.processes import free_port
from gridtokenx_hub.api.access.wrong_codes import WrongCodes
from gridtokenx_hub.broker.exclusion import Exclusion
from gridtokenx_hub.broker.keeper import keep_broker
from gridtokenx_hub.broker.process import plan_broker
from gridtokenx_hub.broker.settings import BrokerSettings
from gridtokenx_hub.clocks import unix_ms
from gridtokenx_hub.ingest import Ingest
from gridtokenx_hub.settlement import Settlement
from gridtokenx_protocol.keys import SoftwareSigner

__all__ = ["postgres_url"]


INTERVAL_S = 10
"""Of settlement: long enough to act between two of them."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(
    postgres_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[HubWorld]:
    """One hub for all tests, with mosquitto over TLS, ingest and settlement."""
    folder = tmp_path_factory.mktemp("hub")
    async with (
        open_world(postgres_url, folder, INTERVAL_S) as opened,
        _broker(opened, folder / "broker") as broker,
    ):
        context = opened.context
        signer = SoftwareSigner(ed25519.Ed25519PrivateKey.generate())
        info = replace(context.deployment, ack_public_key=signer.public_key)
        ingest = Ingest(opened.pool, broker, signer, info.deployment, unix_ms, "1")
        settlement = Settlement(
            *(opened.pool, context.client, context.sender, context.keys.settlement),
            *(context.programs, context.addresses, unix_ms, 86_400, 0.2),
        )
        exclusion = Exclusion(opened.pool, opened.authority, folder / "broker", context.clock)
        stop = asyncio.Event()
        running = [asyncio.create_task(part.run(stop)) for part in (ingest, settlement)]
        with opened.having(deployment=info, broker=broker, exclusion=exclusion):
            yield opened
        stop.set()
        await asyncio.gather(*running)


@asynccontextmanager
async def _broker(world: HubWorld, folder: Path) -> AsyncIterator[BrokerSettings]:
    """As `gtx-hub broker` runs it."""
    port = free_port()
    plan = plan_broker("mosquitto", folder, port, world.authority)
    stop, ready = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(keep_broker(plan, folder, stop, ready.set))
        await ready.wait()
        yield plan.hub
        stop.set()


@pytest.fixture(autouse=True)
def unheard(world: HubWorld) -> Iterator[None]:
    """Nobody has tried a wrong code before."""
    with world.having(wrong_codes=WrongCodes()):
        yield


@pytest_asyncio.fixture(loop_scope="session")
async def door(world: HubWorld) -> AsyncIterator[Door]:
    """The hub's socket, where an installation can be broken."""
    opened = Door(world.app)
    async with served(opened):
        yield opened


@asynccontextmanager
async def simulated(folder: Path, house: str, *day: str) -> AsyncIterator[Meter]:
    """A meter that plays a day."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("gtx-meter-sim")),
        *("--model", "schneider-iem3155", "--house", house, *day),
        *("--state", str(folder / f"meter-{house}.json")),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    told = json.loads(await process.stdout.readline())
    yield Meter(told["listening"], str(told["serial"]))
    process.terminate()
    await process.communicate()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def meter(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Meter]:
    """A simulated meter that stands still."""
    lifetime = ("--lifetime-wh-export", "20000000", "--lifetime-wh-import", "30000000")
    folder = tmp_path_factory.mktemp("meter")
    async with simulated(folder, "a", "--scenario", "seed", "--hold", *lifetime) as started:
        yield started


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sunny_meters(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Meter, Meter]]:
    """Two that count 3.6 kW of surplus: 1 Wh each second; the second stands lower."""
    folder = tmp_path_factory.mktemp("sunny")
    day = folder / "day.csv"
    day.write_text("time,produced_w,consumed_w\n00:00,3600,0\n")
    sunny = ("--csv", str(day), "--lifetime-wh-import", "5000")
    async with (
        simulated(folder, "a", *sunny, "--lifetime-wh-export", "9000000") as first,
        simulated(folder, "b", *sunny, "--lifetime-wh-export", "7000") as second,
    ):
        yield first, second


@pytest.fixture
def device(tmp_path: Path, door: Door, meter: Meter) -> Device:
    """A device with nothing on it yet."""
    return Device(tmp_path, door, meter)


@pytest.fixture
def sunny_device(tmp_path: Path, door: Door, sunny_meters: tuple[Meter, Meter]) -> Device:
    """One beside a meter that counts."""
    return Device(tmp_path, door, sunny_meters[0])
