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
from tests.edge.broker import free_port
from tests.provisioning.on_site import Device, Door, served

from gridtokenx_hub.api.wrong_codes import WrongCodes
from gridtokenx_hub.broker.process import listening, plan_broker
from gridtokenx_hub.broker.settings import BrokerSettings
from gridtokenx_hub.ingest import Ingest
from gridtokenx_protocol.keys import SoftwareSigner

__all__ = ["postgres_url"]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(
    postgres_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[HubWorld]:
    """One hub for all tests, with mosquitto over TLS and an ingest."""
    folder = tmp_path_factory.mktemp("hub")
    async with (
        open_world(postgres_url, folder) as opened,
        _broker(opened, folder / "broker") as broker,
    ):
        signer = SoftwareSigner(ed25519.Ed25519PrivateKey.generate())
        info = replace(opened.context.deployment, ack_public_key=signer.public_key)
        ingest = Ingest(
            opened.pool,
            broker,
            signer,
            info.deployment,
            lambda: int(opened.context.clock().timestamp() * 1000),
            "1",
        )
        stop = asyncio.Event()
        running = asyncio.create_task(ingest.run(stop))
        with opened.having(deployment=info, broker=broker):
            yield opened
        stop.set()
        await running


@asynccontextmanager
async def _broker(world: HubWorld, folder: Path) -> AsyncIterator[BrokerSettings]:
    port = free_port()
    plan = plan_broker("mosquitto", folder, port, world.authority)
    process = await asyncio.create_subprocess_exec(*plan.command)
    ended = asyncio.ensure_future(process.wait())
    await listening(port, ended)
    yield plan.hub
    process.terminate()
    await ended


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


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def meter_port(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[int]:
    """Port of a simulated meter."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("gtx-meter-sim")),
        *("--model", "schneider-iem3155", "--scenario", "seed", "--house", "a", "--hold"),
        *("--state", str(tmp_path_factory.mktemp("meter") / "meter.json")),
        *("--lifetime-wh-export", "20000000", "--lifetime-wh-import", "30000000"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    yield json.loads(await process.stdout.readline())["listening"]
    process.terminate()
    await process.communicate()


@pytest.fixture
def device(tmp_path: Path, door: Door, meter_port: int) -> Device:
    """A device with nothing on it yet."""
    return Device(tmp_path, door, meter_port)
