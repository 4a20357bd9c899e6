"""Sources that lie, stall, ramble and send elsewhere: each gets its fault, and hurts no other."""

import asyncio
import datetime as dt
import os
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from tests.hub.oracle.servers import Server, stalls

from gridtokenx_hub.oracle import sources
from gridtokenx_hub.oracle.settings import FileSource, JsonSource, OracleSettings
from gridtokenx_hub.oracle.sources import MAX_ANSWER_BYTES, Told, ask_all

NOW = dt.datetime(2026, 11, 23, 12, 0, 0, tzinfo=dt.UTC)
MEGABYTE = 1024 * 1024


def json_source(url: str, **changed: Any) -> JsonSource:
    return JsonSource(**({"kind": "json", "name": "it", "url": url, "path": "thb"} | changed))


async def ask(http: aiohttp.ClientSession, source: Any, folder: Path = Path("/")) -> Told:
    (told,) = await ask_all(http, [source], folder, NOW)
    return told


def fault(told: Told) -> str | None:
    return None if told.fault is None else told.fault.fault


async def test_a_rate(server: Server, http: aiohttp.ClientSession) -> None:
    told = await ask(http, json_source(server.at("/a", b'{"thb": 10.25}')))
    assert told == Told("it", 10_250_000)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"thb": "ten"}', "not_a_number"),
        (b'{"thb": null}', "not_a_number"),
        (b'{"thb": NaN}', "not_a_number"),
        (b'{"thb": -Infinity}', "not_a_number"),
        (b'{"thb": [10]}', "not_a_number"),
        (b'{"thb": 0}', "not_positive"),
        (b'{"thb": -10}', "not_positive"),
        (b'{"thb": 1e300}', "absurd"),
        (b'{"usd": 10}', "no_such_path"),
        (b"[10]", "no_such_path"),
        (b"<html>", "not_json"),
        (b"", "not_json"),
    ],
)
async def test_what_is_no_rate(
    server: Server, http: aiohttp.ClientSession, body: bytes, expected: str
) -> None:
    assert fault(await ask(http, json_source(server.at("/a", body)))) == expected


async def test_a_redirect_is_not_followed(server: Server, http: aiohttp.ClientSession) -> None:
    server.at("/elsewhere", b'{"thb": 10}')

    async def elsewhere(_: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    assert fault(await ask(http, json_source(server.at("/a", elsewhere)))) == "redirected"
    assert server.asked == ["/a"]


async def test_an_error_s_body_is_no_rate(server: Server, http: aiohttp.ClientSession) -> None:
    async def broken(_: web.Request) -> web.StreamResponse:
        return web.Response(status=500, body=b'{"thb": 10}')

    assert fault(await ask(http, json_source(server.at("/a", broken)))) == "refused"


async def test_fifty_megabytes_are_not_read(server: Server, http: aiohttp.ClientSession) -> None:
    sent_bytes = 0

    async def rambles(request: web.Request) -> web.StreamResponse:
        nonlocal sent_bytes
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(50):
            await response.write(b" " * MEGABYTE)
            sent_bytes += MEGABYTE
        await response.write(b'{"thb": 10}')
        return response

    assert fault(await ask(http, json_source(server.at("/a", rambles)))) == "too_long"
    assert sent_bytes < 50 * MEGABYTE


async def test_what_is_packed_is_not_unpacked(server: Server, http: aiohttp.ClientSession) -> None:
    async def packed(_: web.Request) -> web.StreamResponse:
        response = web.Response(body=b" " * MAX_ANSWER_BYTES + b'{"thb": 10}')
        response.enable_compression(web.ContentCoding.gzip)
        return response

    assert fault(await ask(http, json_source(server.at("/a", packed)))) == "not_json"


async def test_one_that_stalls_keeps_nobody_else_waiting_for_long(
    server: Server, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "ANSWER_WITHIN_S", 0.5)

    async def says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(says_nothing, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    asked = [
        json_source(server.at("/stalls", stalls), name="stalls"),
        json_source(f"http://127.0.0.1:{port}/", name="silent"),
        json_source(server.at("/a", b'{"thb": 10}'), name="good"),
    ]
    told = await ask_all(http, asked, Path("/"), NOW)
    silent.close()
    assert [fault(each) for each in told] == ["timed_out", "timed_out", None]
    assert told[2].micro_thb_per_grx == 10_000_000


async def test_nobody_there(http: aiohttp.ClientSession) -> None:
    told = await ask(http, json_source("http://127.0.0.1:1/?key=secret"))
    assert fault(told) == "unreachable"
    assert "secret" not in str(told.fault)


async def test_what_is_no_http(http: aiohttp.ClientSession) -> None:
    async def babbles(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 welcome to ftp\r\n" * 10)
        await reader.read()
        writer.close()

    other = await asyncio.start_server(babbles, "127.0.0.1", 0)
    async with other:
        port = other.sockets[0].getsockname()[1]
        assert fault(await ask(http, json_source(f"http://127.0.0.1:{port}/"))) == "unreachable"


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (b'"2026-11-23T12:00:00Z"', None),
        (b'"2026-11-23T18:59:00+07:00"', None),
        (b"1795435200", None),
        (b"1795435200000", None),
        (b"1795435199.5", None),
        (b'"2026-11-23T11:54:59Z"', "stale"),
        (b"1795434899", "stale"),
        (b"0", "stale"),
        (b"-1e300", "no_time"),
        (b'"2026-11-23T12:01:01Z"', "from_the_future"),
        (b'"2026-11-23T12:00:00"', "no_time"),
        (b'"noon"', "no_time"),
        (b"true", "no_time"),
        (b"1e30", "no_time"),
        (b"null", "no_time"),
    ],
)
async def test_its_own_time(
    server: Server, http: aiohttp.ClientSession, time: bytes, expected: str | None
) -> None:
    url = server.at("/a", b'{"thb": 10, "time": ' + time + b"}")
    source = json_source(url, time_path="time", stale_after_s=300)
    assert fault(await ask(http, source)) == expected


async def test_a_file(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    path = tmp_path / "rate"
    source = FileSource(kind="file", path=Path("rate"), stale_after_s=300)
    assert fault(await ask(http, source, tmp_path)) == "unreachable"
    for content, expected in (
        (b"10.5\n", None),
        (b"ten\n", "not_a_number"),
        (b"\xff", "not_a_number"),
        (b"", "not_a_number"),
        (b"1" * 2000, "too_long"),
    ):
        path.write_bytes(content)
        os.utime(path, (NOW.timestamp(), NOW.timestamp()))
        assert fault(await ask(http, source, tmp_path)) == expected
    path.write_bytes(b"10.5\n")
    os.utime(path, (NOW.timestamp() - 301,) * 2)
    assert fault(await ask(http, source, tmp_path)) == "stale"
    path.unlink()
    os.mkfifo(path)
    assert fault(await ask(http, source, tmp_path)) == "unreachable"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"sources": []}, "at least 1 item"),
        ({"sources": [{"kind": "fixed", "thb_per_grx": 10.5}]}, "a decimal in quotes"),
        ({"sources": [{"kind": "fixed", "thb_per_grx": "0"}]}, "more than zero"),
        ({"sources": [{"kind": "fixed", "thb_per_grx": "10"}], "quorum": 2}, "needs as many"),
        ({"sources": [{"kind": "fixed", "thb_per_grx": "10"}] * 2}, "the same name: fixed"),
        (
            {"sources": [{"kind": "json", "name": "a", "url": "file:///etc/passwd", "path": "a"}]},
            "http://",
        ),
    ],
)
def test_settings_that_cannot_be(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        OracleSettings(**wrong)
