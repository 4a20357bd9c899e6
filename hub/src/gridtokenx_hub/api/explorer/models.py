"""What the explorer shows over HTTP: transactions, accounts and events, decoded by the IDLs."""

from typing import Any, Literal

from pydantic import Field

from gridtokenx_hub.api.http.fields import (
    EXAMPLE_ORDER,
    EXAMPLE_SIGNATURE,
    EXAMPLE_TIME,
    EXAMPLE_WALLET,
)
from gridtokenx_hub.api.http.models import Out
from gridtokenx_hub.api.http.pagination import NEXT

FIELDS = "as the IDL has them: exact integers, addresses in base58, bytes in hexadecimal"
ProgramName = Literal["registry", "energy_token", "trading"]


class NamedAccount(Out):
    """An account of an instruction, with its role where the IDL names it."""

    role: str | None = Field(None, examples=["seller"])
    address: str = Field(examples=[EXAMPLE_WALLET])


class ShownInstruction(Out):
    """An instruction; one that a program called has `inner` set.

    A program sends an event by calling itself: then `name` and `arguments` are the event's.
    """

    program: str = Field(examples=["trading"], description="our name for it, or its address")
    name: str | None = Field(None, examples=["create_order"])
    arguments: dict[str, Any] | None = Field(None, description=FIELDS)
    accounts: list[NamedAccount]
    data: str = Field(examples=["66063d1201daebea"], description="in hexadecimal")
    inner: bool


class ShownEvent(Out):
    """An event of one of our programs."""

    program: ProgramName
    sequence: int = Field(examples=[42], description="counts each program's events from 1")
    name: str = Field(examples=["OrderCreated"])
    slot: int = Field(examples=[12345])
    tx_signature: str = Field(examples=[EXAMPLE_SIGNATURE])
    final: bool = Field(description="no fork can take it back any more")
    data: dict[str, Any] = Field(description=FIELDS)


class Events(Out):
    """Events, newest slot first."""

    events: list[ShownEvent]
    next: str | None = Field(None, description=NEXT)


class ShownTransaction(Out):
    """An executed transaction."""

    tx_signature: str = Field(examples=[EXAMPLE_SIGNATURE])
    slot: int = Field(examples=[12345])
    time: str | None = Field(None, examples=[EXAMPLE_TIME])
    succeeded: bool
    error: Any | None = Field(None, description="the chain's own word for a failure")
    fee_lamports: int = Field(examples=[5000])
    compute_units: int | None = Field(None, examples=[5881])
    instructions: list[ShownInstruction]
    logs: list[str]


class ShownAccount(Out):
    """An account as it is now."""

    address: str = Field(examples=[EXAMPLE_ORDER])
    owner: str = Field(examples=[EXAMPLE_WALLET], description="the program that may write it")
    lamports: int = Field(examples=[2_039_280])
    size: int = Field(examples=[165], description="bytes")
    executable: bool
    program: str | None = Field(None, examples=["trading"], description="left out: not ours")
    kind: str | None = Field(None, examples=["Order"], description="type of account")
    fields: dict[str, Any] | None = Field(None, description=FIELDS)
