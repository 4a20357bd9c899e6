"""Somebody else in a guardian's place, with its keys: signs both ways, and forges the others."""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from relay_world import RelayWorld, reservations_of
from solders.pubkey import Pubkey
from tests.guardian.chains.world import Running

from gridtokenx_guardian.keys import Keys
from gridtokenx_programs.attestation import PAID, UNPAID
from gridtokenx_programs.evm import BridgeId, Release

Answer = Callable[[Pubkey], Awaitable[dict[str, Any] | None]]
"""What is answered of a reservation, None for 404."""


class TwoFaced:
    """Signs whatever the hub may want to hear: paid, unpaid, and the release at once."""

    def __init__(self, relay: RelayWorld, keys: Keys) -> None:
        self._relay, self._keys = relay, keys
        self._reservations = reservations_of(relay.world)
        self._kinds = itertools.cycle((PAID, UNPAID))
        self.asked = 0

    async def attestation(self, reservation: Pubkey) -> dict[str, Any] | None:
        self.asked += 1
        terms = await self._reservations.terms(reservation)
        office = await self._reservations.office()
        if terms is None or office is None:
            return None
        digest = self._reservations.digest(next(self._kinds), reservation, terms, office)
        signature = self._keys.sign_solana(digest)
        return {"guardian": str(self._keys.solana.pubkey()), "signature": signature.hex()}

    async def release(self, reservation: Pubkey) -> dict[str, Any] | None:
        self.asked += 1
        found = await self._relay.world.pool.fetchrow(
            "SELECT payer, micro_thbc FROM payments WHERE reservation_id = $1", str(reservation)
        )
        release = Release(reservation, found["payer"], int(found["micro_thbc"]), 1)
        contracts = self._relay.baht.contracts
        bridge = BridgeId(self._relay.settings.chain_id, bytes.fromhex(contracts.bridge[2:]))
        return {"signature": f"0x{self._keys.sign_evm(release.digest(bridge)).hex()}"}


class Forger:
    """Answers in the name of another guardian, with a signature that is none."""

    def __init__(self, victim: Keys) -> None:
        self._victim = victim
        self.asked = 0

    async def attestation(self, _: Pubkey) -> dict[str, Any] | None:
        self.asked += 1
        return {"guardian": str(self._victim.solana.pubkey()), "signature": os.urandom(64).hex()}

    async def release(self, _: Pubkey) -> dict[str, Any] | None:
        self.asked += 1
        return {"signature": f"0x{(os.urandom(64) + bytes([27])).hex()}"}


async def nothing(_: Pubkey) -> None:
    """The answer of who has signed nothing."""


@asynccontextmanager
async def in_place_of(
    guardian: Running, attestation: Answer, release: Answer
) -> AsyncIterator[None]:
    """Answer at a guardian's address, as long as the context lasts; then it is back."""

    def route(answer: Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            found = await answer(Pubkey.from_string(request.match_info["reservation"]))
            return web.Response(status=404) if found is None else web.json_response(found)

        return handle

    app = web.Application()
    app.router.add_get("/attestations/{reservation}", route(attestation))
    app.router.add_get("/releases/{reservation}", route(release))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await guardian.end()
    try:
        await web.TCPSite(runner, "127.0.0.1", int(guardian.url.rpartition(":")[2])).start()
        yield
    finally:
        await runner.cleanup()
        await guardian.begin()
