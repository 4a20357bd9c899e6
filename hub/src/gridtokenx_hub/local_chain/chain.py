"""The parts of one running local chain."""

from dataclasses import dataclass

from gridtokenx_hub.json_types import Json, JsonObject
from gridtokenx_hub.local_chain.bank import Bank
from gridtokenx_hub.local_chain.execution import TransactionGate
from gridtokenx_hub.local_chain.ledger import Ledger
from gridtokenx_hub.local_chain.producer import SlotProducer
from gridtokenx_hub.local_chain.records import StoredTransaction
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

    def recent_transaction(self, signature: bytes) -> StoredTransaction | None:
        """The transaction with this first signature, if it is one of the last two minutes."""
        stored = self.ledger.transaction(signature)
        if stored is None or self.window.tip.unix_s - stored.unix_s > STATUS_CACHE_S:
            return None
        return stored
