"""How a guardian is: what it saw last, and what it did not sign and why."""

import logging
from typing import Any

from solders.pubkey import Pubkey

from gridtokenx_guardian.errors import (
    ContraryDecision,
    EndpointError,
    EndpointRefused,
    GuardianError,
    Refused,
)
from gridtokenx_guardian.facts import Block, Market

EVM = "evm"
SOLANA = "solana"
STATE = "state"

_log = logging.getLogger(__name__)


class Health:
    """Tells each fault once in the log, when it begins or changes, and when it is over."""

    def __init__(self) -> None:
        self.block: Block | None = None
        self.market: Market | None = None
        self._faults: dict[str, str] = {}
        self._refused: dict[Pubkey, str] = {}
        self._cannot_list = ""

    def saw(self, block: Block, market: Market) -> None:
        """Both chains were as they should."""
        self.block, self.market = block, market

    def failed(self, error: GuardianError) -> None:
        """A look ended early: nothing more was signed."""
        part = error.endpoint if isinstance(error, EndpointError) else STATE
        told = _told(error)
        if self._faults.get(part) != told:
            _log.warning("not signed: %s", told)
        self._faults = {part: told}

    def went_well(self) -> None:
        """A look came to its end."""
        if self._faults:
            _log.info("looking again: %s", ", ".join(self._faults))
        self._faults = {}

    def refused(self, reservation: Pubkey, error: Refused | ContraryDecision) -> None:
        """A reservation was not signed for."""
        told = _told(error)
        if self._refused.get(reservation) != told:
            _log.warning("not signed: %s: %s", reservation, told)
        self._refused[reservation] = told

    def settled(self, reservation: Pubkey) -> None:
        """There is nothing against this reservation, or no longer."""
        self._refused.pop(reservation, None)

    def cannot_list(self, error: EndpointRefused) -> None:
        """The node does not tell which reservations there are."""
        if self._cannot_list != str(error):
            _log.warning("unpaid reservations are not attested: %s", error)
        self._cannot_list = str(error)

    def report(self, now_s: int) -> dict[str, Any]:
        """All of it, for JSON."""
        block, market = self.block, self.market
        return {
            "endpoints": {
                EVM: {
                    "final_block": block and block.number,
                    "age_s": block and now_s - block.time_s,
                    "fault": self._faults.get(EVM),
                },
                SOLANA: {
                    "final_slot": market and market.slot,
                    "age_s": market and now_s - market.time_s,
                    "fault": self._faults.get(SOLANA),
                },
            },
            "state": {"fault": self._faults.get(STATE)},
            "not_signed": {str(address): told for address, told in self._refused.items()},
        }


def _told(error: GuardianError) -> str:
    name = error.reason if isinstance(error, Refused) else type(error).__name__
    return f"{name}: {error}"
