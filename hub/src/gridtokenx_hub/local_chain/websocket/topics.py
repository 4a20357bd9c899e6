"""What can be subscribed to."""

from dataclasses import dataclass
from enum import StrEnum

from solders.account import Account

from gridtokenx_hub.local_chain.filters import DataFilter


class Kind(StrEnum):
    """The name in front of Subscribe, Unsubscribe and Notification."""

    ACCOUNT = "account"
    LOGS = "logs"
    PROGRAM = "program"
    ROOT = "root"
    SIGNATURE = "signature"
    SLOT = "slot"


EVERYTHING = b""


@dataclass(frozen=True, slots=True)
class Topic:
    """One thing to be told about. Who asks for an equal one shares the subscription.

    `key` is the signature, the address of the account or program, or the address that logs are to
    mention (`EVERYTHING` for all of them). `commitment` and `part`, the slice asked for, only keep
    apart what a client keeps apart: here all is final at once, and notifications show all data of
    an account, as Agave's do.
    """

    kind: Kind
    key: bytes = EVERYTHING
    commitment: str | None = None
    part: tuple[int | None, int | None] = (None, None)
    encoding: str = "binary"
    filters: tuple[DataFilter, ...] = ()

    def wants(self, account: Account) -> bool:
        """Whether an account of the program passes all filters."""
        return all(one.holds(account.data) for one in self.filters)
