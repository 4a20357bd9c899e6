"""What can go wrong between the hub and the chain."""

from collections.abc import Sequence

from solders.pubkey import Pubkey

from gridtokenx_hub.json_types import Json


class ChainError(Exception):
    """Base of this package's errors."""


class ChainUnavailable(ChainError):
    """The node does not answer, or cannot: whether a transaction was taken is not known."""


class RequestRefused(ChainError):
    """The node refused a request as such; `code` is its JSON-RPC error code."""

    def __init__(self, code: int, message: str, data: Json = None) -> None:
        super().__init__(f"the node refused the request: {message} ({code})")
        self.code = code
        self.message = message
        self.data = data


class TransactionRefused(ChainError):
    """A transaction failed, before it was executed or while it was: it has had no effect.

    `name` is the failing program's own name for its error where there is one (from the IDL), else
    the chain's. `program` and `code` are None when no program refused it. `instruction` is the
    place in the transaction of the instruction that failed, None when it was none of them.
    """

    def __init__(
        self,
        program: Pubkey | None,
        code: int | None,
        name: str,
        message: str,
        logs: Sequence[str] = (),
        instruction: int | None = None,
    ) -> None:
        super().__init__(f"{name}: {message}")
        self.program = program
        self.code = code
        self.name = name
        self.message = message
        self.logs = tuple(logs)
        self.instruction = instruction


class TransactionExpired(ChainError):
    """The transaction was not executed while its blockhash lived, and can never be any more."""

    def __init__(self, signature: str) -> None:
        super().__init__(
            f"transaction {signature} was not executed in time and never will be: make a new one"
        )
        self.signature = signature
