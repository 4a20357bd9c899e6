"""What a guardian tells relayers, over HTTP on this machine alone: it can only be read."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from solders.pubkey import Pubkey

from gridtokenx_guardian.errors import ConfigError, StateError
from gridtokenx_guardian.following.journal import Journal
from gridtokenx_guardian.health import Health
from gridtokenx_guardian.signing.signer import Signer

HOST = "127.0.0.1"
EPOCH = slice(76, 84)
"""Where an attestation has the epoch of its guardians."""


class Server:
    """The three routes."""

    def __init__(
        self, signer: Signer, journal: Journal, health: Health, now_s: Callable[[], int]
    ) -> None:
        self._signer = signer
        self._journal = journal
        self._health = health
        self._now_s = now_s

    @asynccontextmanager
    async def serving(self, port: int) -> AsyncIterator[int]:
        """Answer while the context lasts; yields the port, which the system chooses for 0.

        Raises:
            ConfigError: the port is taken.
        """
        app = web.Application(middlewares=[_problems])
        app.router.add_get("/attestations/{reservation}", self._attestation)
        app.router.add_get("/releases/{reservation}", self._release)
        app.router.add_get("/status", self._status)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            try:
                await web.TCPSite(runner, HOST, port).start()
            except OSError as error:
                raise ConfigError(f"http.port: {error.strerror}; configure another") from error
            yield runner.addresses[0][1]
        finally:
            await runner.cleanup()

    async def _attestation(self, request: web.Request) -> web.Response:
        reservation = _reservation(request)
        signed = self._signer.attested(reservation)
        if signed is None:
            return _problem(404, "this guardian has attested nothing of this reservation")
        return web.json_response(
            {
                "reservation": str(reservation),
                "kind": "paid" if signed.is_paid else "unpaid",
                "guardian": str(self._signer.keys.solana.pubkey()),
                "guardian_epoch": int.from_bytes(signed.message[EPOCH], "little"),
                "message": signed.message.hex(),
                "digest": signed.digest.hex(),
                "signature": signed.signature.hex(),
            }
        )

    async def _release(self, request: web.Request) -> web.Response:
        reservation = _reservation(request)
        signed = self._signer.released(reservation)
        if signed is None:
            return _problem(404, "this guardian has signed no release of this reservation")
        return web.json_response(
            {
                "reservation": str(reservation),
                "guardian": "0x" + self._signer.keys.evm_address.hex(),
                "guardian_epoch": signed.release.guardian_epoch,
                "payer": "0x" + signed.release.payer.hex(),
                "amount_micro_thbc": str(signed.release.amount_micro_thbc),
                "digest": "0x" + signed.digest.hex(),
                "signature": "0x" + signed.signature.hex(),
            }
        )

    async def _status(self, _: web.Request) -> web.Response:
        marks = self._journal.marks()
        newest = marks[0] if marks else None
        return web.json_response(
            {
                "keys": {
                    "solana": str(self._signer.keys.solana.pubkey()),
                    "evm": "0x" + self._signer.keys.evm_address.hex(),
                },
                "cursor": newest and {"block": newest.number, "hash": "0x" + newest.hash.hex()},
                **self._health.report(self._now_s()),
            }
        )


class _NoAddress(ValueError):
    """Somebody asks for what is no address."""


def _reservation(request: web.Request) -> Pubkey:
    try:
        return Pubkey.from_string(request.match_info["reservation"])
    except ValueError as error:
        raise _NoAddress from error


@web.middleware
async def _problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except _NoAddress:
        return _problem(400, "give the reservation's address, in base58")
    except StateError as error:
        return _problem(503, str(error))


def _problem(status: int, detail: str) -> web.Response:
    body: dict[str, Any] = {"status": status, "detail": detail}
    return web.json_response(body, status=status, content_type="application/problem+json")
