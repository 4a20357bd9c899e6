"""The health page of an agent that runs, and requests that are none."""

import asyncio
from typing import Any

import pytest
from tests.edge.broker import Broker
from tests.edge.fake_hub import METER_ID, FakeHub
from tests.edge.fake_meter import FakeMeter
from tests.edge.site import MakeSite

from demo.processes import free_port
from gridtokenx_edge.errors import ConfigError, SpoolError
from gridtokenx_edge.health import MeterFigures, prometheus_text, serve_figures


async def ask(port: int, request: bytes) -> tuple[str, str]:
    """Status line and body of an answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = (await reader.read()).decode()
    writer.close()
    head, _, body = answer.partition("\r\n\r\n")
    return head.split("\r\n", 1)[0], body


async def page() -> str:
    return "figures\n"


def samples(text: str) -> dict[str, float]:
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


async def test_an_agent_tells_how_it_is(
    make_site: MakeSite, broker: Broker, hub: FakeHub, meter: FakeMeter
) -> None:
    port = free_port()
    site = await make_site(broker.port)
    site.config.write_text(f"health = {{ port = {port} }}\n" + site.config.read_text())
    name = f'meter="{METER_ID.hex()}"'
    async with hub.connect(broker.port):
        agent = await site.start("run")
        await hub.until(lambda: hub.acked >= 3)
        meter.energy(0, 0)
        meter.requests.clear()
        async with asyncio.timeout(10):
            while len(meter.requests) < 8:  # noqa: ASYNC110 - another process asks
                await asyncio.sleep(0.05)
        meter.energy(20_000_000_000, 30_000_000_000)
        await hub.more_records()
        status, body = await ask(port, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        agent.terminate()
        _, log = await agent.communicate()
    assert (status, agent.returncode) == ("HTTP/1.1 200 OK", 0), log.decode()
    found = samples(body)
    assert found['gtx_edge_info{version="0.1.0"}'] == 1
    assert found[f"gtx_edge_connected{{{name}}}"] == 1
    assert found[f"gtx_edge_clock_status{{{name}}}"] == 3
    assert found[f"gtx_edge_readings_total{{{name}}}"] >= 2
    assert found[f"gtx_edge_acked_sequence{{{name}}}"] >= 3
    assert found[f'gtx_edge_refused_total{{{name},reason="register_zero"}}'] >= 1
    faulty = [s for s, extras in hub.extras.items() if "refused" in extras]
    assert len(faulty) == 1, "the reading behind the refused ones tells of them, once"
    assert hub.extras[faulty[0]]["refused"].keys() == {"register_zero"}
    assert hub.records[faulty[0]].flags & (1 << 4)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /metrics HTTP/1.1\r\n\r\n", "200 OK"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed"),
        (b"GET / HTTP/1.1\r\n\r\n", "404 Not Found"),
        (b"\r\n\r\n", "404 Not Found"),
        (b"GET /metrics HTTP/1.1\r\n" + b"a" * 10_000, "431 Request Header Fields Too Large"),
    ],
)
async def test_only_one_page_is_answered(request_: bytes, status: str) -> None:
    async with serve_figures(0, page) as port:
        assert (await ask(port, request_))[0] == f"HTTP/1.1 {status}"


async def test_a_port_that_is_taken_is_named() -> None:
    async with serve_figures(0, page) as port:
        with pytest.raises(ConfigError, match="choose another port"):
            await serve_figures(port, page).__aenter__()


def test_figures_of_two_meters_stand_together() -> None:
    values: dict[str, Any] = {"connected": 1, "spool_bytes": 7}
    text = prometheus_text("1", [MeterFigures(name, values, {"frozen": 2}) for name in "ab"])
    assert text.splitlines()[3:] == [
        "# HELP gtx_edge_refused_total Readings that were not signed, by reason.",
        "# TYPE gtx_edge_refused_total counter",
        'gtx_edge_refused_total{meter="a",reason="frozen"} 2',
        'gtx_edge_refused_total{meter="b",reason="frozen"} 2',
        "# HELP gtx_edge_connected 1 while there is a connection to the broker.",
        "# TYPE gtx_edge_connected gauge",
        'gtx_edge_connected{meter="a"} 1',
        'gtx_edge_connected{meter="b"} 1',
        "# HELP gtx_edge_spool_bytes What the readings on disk take.",
        "# TYPE gtx_edge_spool_bytes gauge",
        'gtx_edge_spool_bytes{meter="a"} 7',
        'gtx_edge_spool_bytes{meter="b"} 7',
    ]


async def test_a_spool_that_cannot_be_read_is_told() -> None:
    async def unreadable() -> str:
        raise SpoolError("the spool cannot be read")

    async with serve_figures(0, unreadable) as port:
        status, body = await ask(port, b"GET /metrics HTTP/1.1\r\n\r\n")
    assert (status, body) == (
        "HTTP/1.1 503 Service Unavailable",
        "the spool cannot be read\n",
    )
