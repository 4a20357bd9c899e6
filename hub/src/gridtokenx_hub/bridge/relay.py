"""Carries guardians' signatures to both chains: energy for what was paid, and the baht after it.

The relay decides nothing. What it hands in is worth what the guardians' signatures are, and anybody
else may hand in the same; both chains refuse it the second time.
"""

import asyncio
import datetime as dt
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from coincurve import PrivateKey
from solders.pubkey import Pubkey

from gridtokenx_hub.bridge.bridge_contract import BridgeContract, release_call
from gridtokenx_hub.bridge.evm_sender import EvmSender, EvmTransactionRefused
from gridtokenx_hub.bridge.guardian_answers import GuardianAnswers
from gridtokenx_hub.bridge.reservations import Office, Proof, Reservations
from gridtokenx_hub.chain import RequestRefused, TransactionExpired, TransactionRefused
from gridtokenx_hub.leadership import Connection
from gridtokenx_hub.monitoring.bridge import RELEASE_EXPECTED_WITHIN
from gridtokenx_programs.attestation import PAID, UNPAID
from gridtokenx_programs.evm import BridgeId, PaymentState, Release

AT_ONCE = 64
AFTER_A_REFUSAL = dt.timedelta(minutes=1)

_PAID = """
SELECT r.reservation_id FROM reservations r JOIN payments p USING (reservation_id)
 WHERE r.status = 'open' AND p.state = 'locked' AND r.hold_until >= $3
   AND r.reservation_id <> ALL($1::text[]) ORDER BY p.paid_at LIMIT $2
"""
_UNPAID = """
SELECT r.reservation_id FROM reservations r LEFT JOIN payments p USING (reservation_id)
 WHERE r.status = 'open' AND r.pay_deadline < $3 AND r.hold_until >= $3
   AND p.reservation_id IS NULL
   AND r.reservation_id <> ALL($1::text[]) ORDER BY r.pay_deadline LIMIT $2
"""
_HELD_TOO_LONG = """
SELECT reservation_id FROM reservations WHERE status = 'open' AND hold_until < $3
   AND reservation_id <> ALL($1::text[]) ORDER BY hold_until LIMIT $2
"""
_DELIVERED = """
SELECT p.reservation_id, p.pay_deadline FROM payments p JOIN reservations r USING (reservation_id)
 WHERE p.state = 'locked' AND r.status = 'matched' AND NOT EXISTS (
       SELECT FROM evm_transactions t WHERE t.reservation_id = p.reservation_id
          AND t.purpose = 'release' AND t.status = 'sent')
   AND p.reservation_id <> ALL($1::text[]) ORDER BY p.pay_deadline LIMIT $2
"""

log = logging.getLogger(__name__)

Step = Callable[[Pubkey], Awaitable[None]]
"""Does what is to be done with a reservation, as far as guardians have signed it."""
Ending = Callable[[Pubkey, Mapping[str, Any], Proof, bytes], Awaitable[None]]
"""Ends a reservation of these terms with guardians' proof of a digest."""


class Relay:
    """Ends reservations and payments as guardians allow it.

    Args:
        answers: the guardians.
        reservations: the Solana side.
        contract: the EVM side.
        sender: sends to it.
        key: pays for what is sent to the EVM chain.
        bridge: which bridge.
        clock: the present instant.
    """

    def __init__(
        self,
        answers: GuardianAnswers,
        reservations: Reservations,
        contract: BridgeContract,
        sender: EvmSender,
        key: PrivateKey,
        bridge: BridgeId,
        clock: Callable[[], dt.datetime],
    ) -> None:
        self._answers = answers
        self._reservations = reservations
        self._contract = contract
        self._sender = sender
        self._key = key
        self._bridge = bridge
        self._clock = clock
        self._not_before: dict[str, dt.datetime] = {}
        self._late: set[str] = set()

    async def close(self) -> None:
        """Close the connections to the guardians."""
        await self._answers.close()

    async def end_reservations(self, connection: Connection) -> None:
        """Match what was paid, and give back what was not.

        Raises:
            ChainUnavailable: the node does not answer.
        """
        await self._each(await self._due(connection, _HELD_TOO_LONG), self._free)
        paid, unpaid = await self._due(connection, _PAID), await self._due(connection, _UNPAID)
        if not paid and not unpaid:
            return
        office = await self._reservations.office()
        if office is not None:
            await self._each(paid, lambda reservation: self._match(reservation, office))
            await self._each(unpaid, lambda reservation: self._give_back(reservation, office))

    async def release_payments(self, connection: Connection) -> None:
        """Hand in the release of what has done its work.

        Raises:
            ChainUnavailable: the EVM node does not answer.
        """
        due = await connection.fetch(_DELIVERED, self._waiting(), AT_ONCE)
        self._alarm(due)
        await self._each([row["reservation_id"] for row in due], self._release)

    async def _due(self, connection: Connection, query: str) -> list[str]:
        rows = await connection.fetch(query, self._waiting(), AT_ONCE, self._clock())
        return [row["reservation_id"] for row in rows]

    def _waiting(self) -> list[str]:
        """What was refused a moment ago."""
        now = self._clock()
        self._not_before = {name: at for name, at in self._not_before.items() if at > now}
        return list(self._not_before)

    async def _each(self, due: Sequence[str], step: Step) -> None:
        await asyncio.gather(*(self._try(name, step) for name in due))

    async def _try(self, name: str, step: Step) -> None:
        """Do a step; what a chain refuses is tried again later, and holds up nothing else."""
        try:
            await step(Pubkey.from_string(name))
        except (
            TransactionRefused,
            TransactionExpired,
            EvmTransactionRefused,
            RequestRefused,
        ) as refused:
            self._not_before[name] = self._clock() + AFTER_A_REFUSAL
            log.info("bridge: reservation %s: %s", name, refused)

    async def _match(self, reservation: Pubkey, office: Office) -> None:
        await self._end(reservation, office, PAID, self._reservations.match)

    async def _give_back(self, reservation: Pubkey, office: Office) -> None:
        await self._end(reservation, office, UNPAID, self._reservations.give_back)

    async def _end(self, reservation: Pubkey, office: Office, kind: bytes, ending: Ending) -> None:
        """End a reservation if enough guardians have attested this of it."""
        terms = await self._reservations.terms(reservation)
        if terms is None:
            return
        digest = self._reservations.digest(kind, reservation, terms, office)
        signed = await self._answers.attestations(reservation, digest, office.guardians)
        if len(signed) >= office.threshold:
            await ending(reservation, terms, signed[: office.threshold], digest)

    async def _free(self, reservation: Pubkey) -> None:
        terms = await self._reservations.terms(reservation)
        if terms is not None:
            await self._reservations.give_back(reservation, terms, (), b"")

    async def _release(self, reservation: Pubkey) -> None:
        kept = await self._contract.payment(reservation)
        if kept.state is not PaymentState.LOCKED:
            return
        office = await self._contract.guardians()
        release = Release(reservation, kept.payer, kept.micro_thbc, office.epoch)
        digest = release.digest(self._bridge)
        signatures = await self._answers.releases(reservation, digest, office.addresses)
        if len(signatures) >= office.threshold:
            call = release_call(reservation, signatures[: office.threshold])
            await self._sender.send(
                self._key, "release", str(reservation), self._bridge.address, call
            )

    def _alarm(self, due: Sequence[Any]) -> None:
        """Say once of each payment that its release should have come long ago."""
        now = self._clock()
        late = {
            row["reservation_id"]
            for row in due
            if row["pay_deadline"] + RELEASE_EXPECTED_WITHIN < now
        }
        for name in sorted(late - self._late):
            log.error("bridge: the energy of %s is delivered, and its baht are not released", name)
        self._late = late
