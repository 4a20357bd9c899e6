"""A transaction as it came over the wire."""

from dataclasses import dataclass

from solders.errors import BincodeError
from solders.message import Message, MessageV0
from solders.transaction import SanitizeError, VersionedTransaction

from gridtokenx_hub.local_chain.rpc_errors import invalid_params

MAX_TRANSACTION_BYTES = 1232
TRANSACTION_KIND = "solana_transaction::versioned::VersionedTransaction"


@dataclass(frozen=True, slots=True)
class ParsedTransaction:
    """A transaction whose form is sound; its signatures are not checked yet."""

    versioned: VersionedTransaction
    message: Message | MessageV0

    @property
    def version(self) -> int | str:
        """`"legacy"` or the version's number."""
        return 0 if isinstance(self.message, MessageV0) else "legacy"

    @staticmethod
    def parse(raw: bytes) -> "ParsedTransaction":
        """Return the transaction in `raw`.

        Raises:
            RpcError: it is too large, has another form, or its parts contradict each other.
        """
        if len(raw) > MAX_TRANSACTION_BYTES:
            raise invalid_params(
                f"decoded {TRANSACTION_KIND} too large: {len(raw)} bytes"
                f" (max: {MAX_TRANSACTION_BYTES} bytes)"
            )
        try:
            transaction = VersionedTransaction.from_bytes(raw)
        except (ValueError, BincodeError) as error:
            raise invalid_params(f"failed to deserialize {TRANSACTION_KIND}: {error}") from error
        message = transaction.message
        if not isinstance(message, Message | MessageV0):
            raise invalid_params("invalid transaction: Transaction version is unsupported")
        try:
            transaction.sanitize()
        except SanitizeError as error:
            raise invalid_params(
                "invalid transaction: Transaction failed to sanitize accounts offsets correctly"
            ) from error
        return ParsedTransaction(transaction, message)
