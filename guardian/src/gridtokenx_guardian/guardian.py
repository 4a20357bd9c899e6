"""A guardian's one loop: look at both chains as they are for good, check, decide, sign."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass

from solders.pubkey import Pubkey

from gridtokenx_guardian.checks import check_paid, check_release, check_unpaid
from gridtokenx_guardian.errors import (
    ContraryDecision,
    EndpointError,
    EndpointRefused,
    OutOfTime,
    Refused,
    StateError,
)
from gridtokenx_guardian.evm.bridge import Bridge
from gridtokenx_guardian.facts import (
    Block,
    BridgeGuardians,
    Market,
    Payment,
    Terms,
)
from gridtokenx_guardian.following.follower import Follower
from gridtokenx_guardian.health import EVM, SOLANA, Health
from gridtokenx_guardian.signing.signer import Signer
from gridtokenx_guardian.solana.market import TradingMarket
from gridtokenx_programs.attestation import PAID, UNPAID
from gridtokenx_programs.evm import BridgeId, PaymentState, Release

MAX_AHEAD_S = 60
"""No honest chain's final block is from further in the future."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _View:
    """Both chains, at one look."""

    block: Block
    guardians: BridgeGuardians
    market: Market


class Guardian:
    """Signs what it sees at its two endpoints, and believes nobody else.

    Args:
        bridge: the bridge, at its EVM endpoint.
        bridge_id: which bridge that is.
        market: the market, at its Solana endpoint.
        follower: which payments there are.
        signer: decides and signs.
        now_s: Unix seconds of this machine's clock; only the age of a chain's time is judged by it.
        stale_after_s: how old the newest final block may be.
    """

    def __init__(
        self,
        *,
        bridge: Bridge,
        bridge_id: BridgeId,
        market: TradingMarket,
        follower: Follower,
        signer: Signer,
        now_s: Callable[[], int],
        stale_after_s: int,
    ) -> None:
        self._bridge = bridge
        self._bridge_id = bridge_id
        self._market = market
        self._follower = follower
        self._signer = signer
        self._now_s = now_s
        self._stale_after_s = stale_after_s
        self.health = Health()

    async def run(self, stop: asyncio.Event, poll_s: float) -> None:
        """Look again and again until `stop` is set."""
        while not stop.is_set():
            await self.look()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), poll_s)

    async def look(self) -> None:
        """Look once, and sign what is to be signed; faults are logged and told by `health`."""
        try:
            view = await self._view()
            await self._follower.follow(view.block)
            for payment in self._follower.journal.payments():
                await self._consider(payment, view)
            await self._consider_unpaid(view)
        except (EndpointError, StateError) as error:
            self.health.failed(error)
        else:
            self.health.went_well()

    async def _view(self) -> _View:
        block = await self._bridge.final_block()
        self._require_in_time(EVM, block.time_s)
        market = await self._market.market()
        self._require_in_time(SOLANA, market.time_s)
        self.health.saw(block, market)
        return _View(block, await self._bridge.guardians(block), market)

    def _require_in_time(self, endpoint: str, time_s: int) -> None:
        """What is old may have changed since: a payment that was locked may be refunded."""
        age_s = self._now_s() - time_s
        if not -MAX_AHEAD_S <= age_s <= self._stale_after_s:
            raise OutOfTime(endpoint, f"what is final there is {age_s} s old by this clock")

    async def _consider(self, payment: Payment, view: _View) -> None:
        """Attest a payment, or sign its release, when it is time for one of them."""
        kept = await self._bridge.kept(payment.reservation, view.block)
        if kept.state in {PaymentState.RELEASED, PaymentState.REFUNDED}:
            self._follower.journal.forget(payment)
            self.health.settled(payment.reservation)
            return
        terms = await self._market.reservation(payment.reservation)
        try:
            if terms is None:
                trade = await self._market.trade(payment.reservation)
                address = self._signer.keys.evm_address
                check_release(payment, kept, trade, guardians=view.guardians, guardian=address)
                self._release(payment, view)
            elif self._signer.attested(payment.reservation) is None:
                check_paid(
                    payment,
                    kept,
                    terms,
                    bridge=self._bridge_id,
                    block=view.block,
                    market=view.market,
                    guardian=self._signer.keys.solana.pubkey(),
                )
                self._attest(PAID, payment.reservation, terms, view)
        except (Refused, ContraryDecision) as error:
            self.health.refused(payment.reservation, error)
        else:
            self.health.settled(payment.reservation)

    async def _consider_unpaid(self, view: _View) -> None:
        """Attest which reservations were not paid in time."""
        try:
            reservations = await self._market.reservations()
        except EndpointRefused as error:
            # The rest of a guardian's work needs no such question, and time frees reservations.
            self.health.cannot_list(error)
            return
        for reservation, terms in reservations:
            if self._signer.attested(reservation) is not None:
                continue
            kept = await self._bridge.kept(reservation, view.block)
            try:
                check_unpaid(
                    kept,
                    terms,
                    bridge=self._bridge_id,
                    block=view.block,
                    market=view.market,
                    guardian=self._signer.keys.solana.pubkey(),
                )
                self._attest(UNPAID, reservation, terms, view)
            except Refused:
                continue  # most reservations are paid, or can be yet
            except ContraryDecision as error:
                self.health.refused(reservation, error)

    def _attest(self, kind: bytes, reservation: Pubkey, terms: Terms, view: _View) -> None:
        self._signer.attest(self._market.attestation(kind, reservation, terms, view.market))
        _log.info("attested %s of %s", kind.decode(), reservation)

    def _release(self, payment: Payment, view: _View) -> None:
        release = Release(
            payment.reservation, payment.payer, payment.amount_micro_thbc, view.guardians.epoch
        )
        before = self._signer.released(payment.reservation)
        if before is None or before.release != release:
            self._signer.release(release)
            _log.info("signed the release of %s", payment.reservation)
