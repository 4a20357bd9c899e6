"""The edge agent where nothing else is installed: what it takes along, and that this is enough."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.edge.site import Site
from tests.packaging.environments import Environment

from demo.processes import free_port
from gridtokenx_firmware_sim.meter import Measurement
from gridtokenx_firmware_sim.models_load import load_model
from gridtokenx_firmware_sim.server import MeterServer

NEEDS = {"aiomqtt", "paho-mqtt", "pyserial", "cryptography", "cffi", "pycparser"}
MOST_BYTES = 24_000_000
"""It takes 20.2 MB with its compiled modules, 15.7 of them cryptography."""
READINGS = 4

Install = Callable[[str], Environment]


def test_it_needs_little(install: Install) -> None:
    """Whatever joins this list has to be kept up for ten years, on machines that nobody visits."""
    edge = install("gridtokenx-edge")
    ours = {"gridtokenx-edge", "gridtokenx-protocol"}
    assert edge.distributions() == ours | NEEDS
    assert edge.installed_bytes() < MOST_BYTES


async def test_it_reads_signs_and_spools_with_the_broker_down(
    install: Install, tmp_path: Path
) -> None:
    edge = install("gridtokenx-edge")
    hub_key = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    meter = MeterServer(load_model("schneider-iem3155"), serial=1, unit=1)
    meter.show(Measurement(20_000_000, 30_000_000, -1_500.0, (230.0, 230.0, 230.0), 50.0))
    site = Site(
        tmp_path,
        meter_port=await meter.start("127.0.0.1", 0),
        broker_port=free_port(),
        hub_key=hub_key,
        program=(str(edge.program("gtx-edge")),),
    )
    site.write()
    try:
        edge.run("gtx-edge", "keys", "create", "--out", str(tmp_path / "meter.key"))
        await answer(site, "baseline")
        agent = await site.start("run")
        async with asyncio.timeout(60):
            while (await answer(site, "spool", "stats"))["readings"] < READINGS:
                assert agent.returncode is None
        agent.terminate()
        _, log = await agent.communicate()
        assert agent.returncode == 0, log.decode()
        assert "broker_lost" in log.decode()
    finally:
        await meter.stop()
    held = await answer(site, "spool", "stats")
    assert (held["acked_sequence"], held["waiting_for_ack"]) == (0, held["readings"])
    walked = await answer(site, "spool", "verify")
    assert walked == {"ok": True, "readings": held["readings"], "holes": [], "problems": []}


async def answer(site: Site, *arguments: str) -> dict[str, int]:
    code, output, errors = await site.command(*arguments)
    assert code == 0, errors
    return dict(json.loads(output))
