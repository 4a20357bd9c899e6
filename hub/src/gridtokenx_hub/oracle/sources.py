"""Asks the sources, all at once: each tells a rate, or has a fault by its name."""

import asyncio
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from gridtokenx_hub.oracle.documents import instant, look_up, read_json
from gridtokenx_hub.oracle.errors import SourceError
from gridtokenx_hub.oracle.rates import micro_thb
from gridtokenx_hub.oracle.settings import FileSource, FixedSource, JsonSource, Source

ANSWER_WITHIN_S = 10.0
MAX_ANSWER_BYTES = 256 * 1024
MAX_FILE_BYTES = 1024
AHEAD = dt.timedelta(seconds=60)
"""So far may another's clock be ahead of ours."""


@dataclass(frozen=True, slots=True)
class Told:
    """A source's answer: a rate in µTHB per GRX, or else the fault."""

    name: str
    micro_thb_per_grx: int | None = None
    fault: SourceError | None = None


def open_session() -> aiohttp.ClientSession:
    """Open a session that keeps nothing between two questions, and unpacks no answer."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=True,
    )


async def ask_all(
    http: aiohttp.ClientSession, sources: Sequence[Source], folder: Path, now: dt.datetime
) -> list[Told]:
    """Return the answer of each source, in their order.

    Args:
        http: of `open_session`.
        sources: who is asked.
        folder: relative paths of files begin here.
        now: the present instant, to which a source's own time is compared.
    """
    return await asyncio.gather(*(_ask(http, source, folder, now) for source in sources))


async def _ask(http: aiohttp.ClientSession, source: Source, folder: Path, now: dt.datetime) -> Told:
    try:
        match source:
            case FixedSource():
                rate = source.micro_thb_per_grx
            case FileSource():
                rate = await asyncio.to_thread(_read_file, source, folder, now)
            case JsonSource():
                rate = await _ask_json(http, source, now)
    except SourceError as error:
        return Told(source.name, fault=error)
    return Told(source.name, rate)


def _read_file(source: FileSource, folder: Path, now: dt.datetime) -> int:
    path = folder / source.path
    try:
        if not path.is_file():  # one that others feed, such as a pipe, would keep us waiting
            raise SourceError("unreachable", "there is no such file")
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        written = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)
    except OSError as error:
        raise SourceError("unreachable", type(error).__name__) from error
    if len(content) > MAX_FILE_BYTES:
        raise SourceError("too_long", f"the file has more than {MAX_FILE_BYTES} bytes")
    if source.stale_after_s is not None:
        _require_fresh(written, source.stale_after_s, now)
    return micro_thb(content.decode(errors="replace").strip())


async def _ask_json(http: aiohttp.ClientSession, source: JsonSource, now: dt.datetime) -> int:
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            body = await _get(http, source.url)
    except TimeoutError as error:
        raise SourceError("timed_out", f"no whole answer in {ANSWER_WITHIN_S:.0f} s") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        # The message of an error may hold the address, and the address a key.
        raise SourceError("unreachable", type(error).__name__) from error
    document = read_json(body)
    if source.time_path is not None:
        told = instant(look_up(document, source.time_path))
        _require_fresh(told, source.stale_after_s, now)
    return micro_thb(look_up(document, source.path))


async def _get(http: aiohttp.ClientSession, url: str) -> bytes:
    """Return the body of the answer, as it was sent: packed, a few bytes become gigabytes."""
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    async with http.get(url, headers=headers, allow_redirects=False) as response:
        if 300 <= response.status < 400:
            raise SourceError("redirected", f"HTTP {response.status}: set the address it names")
        if response.status != 200:
            raise SourceError("refused", f"HTTP {response.status}")
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > MAX_ANSWER_BYTES:
                raise SourceError("too_long", f"the answer exceeds {MAX_ANSWER_BYTES} bytes")
        return bytes(body)


def _require_fresh(told: dt.datetime, stale_after_s: int, now: dt.datetime) -> None:
    if now - told > dt.timedelta(seconds=stale_after_s):
        raise SourceError("stale", f"older than {stale_after_s} s")
    if told - now > AHEAD:
        raise SourceError("from_the_future", "more than a minute ahead of the hub's clock")
