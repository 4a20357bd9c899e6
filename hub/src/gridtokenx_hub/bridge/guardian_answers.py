"""What guardians say over HTTP, believed as far as their signatures reach."""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
from solders.pubkey import Pubkey
from solders.signature import Signature

from gridtokenx_programs.evm import recover

TIMEOUT_S = 5.0
MAX_ANSWER_BYTES = 65_536
ED25519_SIGNATURE = 64

log = logging.getLogger(__name__)


class GuardianAnswers:
    """Asks all guardians at once; who does not answer in time, or nonsense, is left out.

    Args:
        urls: their HTTP servers.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = tuple(urls)
        self._http: aiohttp.ClientSession | None = None
        self._faults: dict[str, str] = {}

    async def close(self) -> None:
        """Close all connections."""
        if self._http is not None:
            await self._http.close()

    async def attestations(
        self, reservation: Pubkey, digest: bytes, in_office: Sequence[Pubkey]
    ) -> list[tuple[Pubkey, bytes]]:
        """Return the signatures of this digest by guardians in office, in the order of their set.

        Args:
            reservation: what is attested.
            digest: the 32 bytes that the trading program will make of it.
            in_office: the Ed25519 keys of the set.
        """
        answers = await self._ask(f"/attestations/{reservation}")
        signed = dict(filter(None, (_attested(answer, digest) for answer in answers)))
        return [(guardian, signed[guardian]) for guardian in in_office if guardian in signed]

    async def releases(
        self, reservation: Pubkey, digest: bytes, in_office: Sequence[bytes]
    ) -> list[bytes]:
        """Return the signatures of this digest by guardians in office, by rising address.

        Args:
            reservation: whose payment is released.
            digest: the 32 bytes that the bridge will make of it.
            in_office: the addresses of the set.
        """
        signed = {}
        for answer in await self._ask(f"/releases/{reservation}"):
            signature = _hex(answer.get("signature"))
            guardian = recover(digest, signature)
            if guardian is not None and guardian in in_office:
                signed[guardian] = signature
        return [signed[guardian] for guardian in sorted(signed)]

    async def _ask(self, path: str) -> list[Mapping[str, Any]]:
        answers = await asyncio.gather(*(self._get(url, path) for url in self._urls))
        return [answer for answer in answers if answer is not None]

    async def _get(self, url: str, path: str) -> Mapping[str, Any] | None:
        try:
            async with self._session().get(url + path, allow_redirects=False) as response:
                answer = await _answer(response)
        except (aiohttp.ClientError, TimeoutError, ValueError, RecursionError) as error:
            self._tell(url, str(error) or type(error).__name__)
            return None
        self._faults.pop(url, None)
        return answer

    def _tell(self, url: str, fault: str) -> None:
        """Log what is wrong with a guardian, once until it changes."""
        if self._faults.get(url) != fault:
            self._faults[url] = fault
            log.warning("bridge: guardian %s is done without: %s", url, fault)

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:  # aiohttp wants the event loop to run
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S))
        return self._http


async def _answer(response: aiohttp.ClientResponse) -> Mapping[str, Any] | None:
    """Return the object that is answered, None where the guardian has signed nothing of this.

    Raises:
        ValueError: it is no such answer.
    """
    if response.status == 404:
        return None
    if response.status != 200:
        raise ValueError(f"HTTP {response.status}")
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > MAX_ANSWER_BYTES:
            raise ValueError("too long an answer")
    match json.loads(body):
        case dict() as found:
            return found
    raise ValueError("not a JSON object")


def _attested(answer: Mapping[str, Any], digest: bytes) -> tuple[Pubkey, bytes] | None:
    """Return who signed the digest, and how; None when nobody did."""
    signature = _hex(answer.get("signature"))
    try:
        guardian = Pubkey.from_string(str(answer.get("guardian")))
    except ValueError:
        return None
    if len(signature) != ED25519_SIGNATURE or not Signature(signature).verify(guardian, digest):
        return None
    return guardian, signature


def _hex(text: object) -> bytes:
    """Bytes of hex digits, none where there are none."""
    try:
        return bytes.fromhex(str(text).removeprefix("0x"))
    except ValueError:
        return b""
