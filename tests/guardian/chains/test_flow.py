"""From a payment to energy and back to the treasury, on real chains."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from tests.guardian.chains.world import running

if TYPE_CHECKING:
    from tests.guardian.chains.world import Chains, Running

LOCKED, RELEASED = 1, 2


async def looked_until(
    guardian: Running, ask: Callable[[], Awaitable[dict[str, Any] | None]]
) -> dict[str, Any]:
    """Have a guardian look until it answers: what happened on Solana takes a while to be final."""
    async with asyncio.timeout(30):
        while True:
            await guardian.look()
            if answer := await ask():
                return answer
            await asyncio.sleep(0.05)


async def test_a_payment_moves_energy_and_then_baht(chains: Chains) -> None:
    reservation = chains.market.reserved()
    seller, buyer = reservation.sale.seller, reservation.buyer
    before = chains.market.exchange.balances(seller, buyer)
    treasury_before = chains.contracts.balance(chains.contracts.treasury)
    chains.pay(reservation)
    async with running(*chains.configs[:2]) as guardians:
        for guardian in guardians:
            await guardian.look()
            assert await guardian.attestation(reservation) is None, "not final yet"
        chains.contracts.mine()
        attested = [
            await looked_until(guardian, lambda g=guardian: g.attestation(reservation))
            for guardian in guardians
        ]
        assert [answer["kind"] for answer in attested] == ["paid", "paid"]
        assert [await guardian.release(reservation) for guardian in guardians] == [None, None]
        chains.match(reservation, attested)
        released = [
            await looked_until(guardian, lambda g=guardian: g.release(reservation))
            for guardian in guardians
        ]
    assert chains.contracts.state(reservation.address) == LOCKED
    chains.release(reservation, released)
    assert chains.contracts.state(reservation.address) == RELEASED
    assert chains.contracts.balance(chains.contracts.treasury) - treasury_before == 60_000_000
    after = chains.market.exchange.balances(seller, buyer)
    moved = [(a[0] - b[0], a[1] - b[1]) for a, b in zip(after, before, strict=True)]
    assert moved == [(0, 6_000_000), (2_000_000, 0)]
