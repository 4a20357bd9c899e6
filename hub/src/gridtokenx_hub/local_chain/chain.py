"""The parts of one running local chain."""

from collections.abc import Sequence
from dataclasses import dataclass

from gridtokenx_hub.json_types import Json, JsonObject
from gridtokenx_hub.local_chain.bank import Bank
from gridtokenx_hub.local_chain.execution import TransactionGate
from gridtokenx_hub.local_chain.ledger import Ledger
from gridtokenx_hub.local_chain.producer import SlotProducer
from gridtokenx_hub.local_chain.records import Outcome
from gridtokenx_hub.local_chain.slots import SlotWindow

STATUS_CACHE_S = 120  # 300 blocks of 400 ms, as in Agave
SOLANA_CORE = "4.1.2"  # the release whose virtual machine the solders wheel carries


@dataclass(frozen=True, slots=True)
class LocalChain:
    """What a request may use."""

    bank: Bank
    ledger: Ledger
    window: SlotWindow
    producer: SlotProducer
    gate: TransactionGate

    def in_context(self, value: Json) -> JsonObject:
        """`value` with the slot that it is true at."""
        return {
            "context": {"apiVersion": SOLANA_CORE, "slot": self.window.tip.number},
            "value": value,
        }

    def recent_outcomes(self, signatures: Sequence[bytes]) -> dict[bytes, Outcome]:
        """How those of these transactions ended that are of the last two minutes."""
        oldest_unix_s = self.window.tip.unix_s - STATUS_CACHE_S
        return {
            signature: outcome
            for signature, outcome in self.ledger.outcomes(signatures).items()
            if outcome.unix_s >= oldest_unix_s
        }
