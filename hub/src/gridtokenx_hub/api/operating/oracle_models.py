"""The price oracle, as HTTP shows it: rates in THB per GRX."""

from typing import Annotated

from pydantic import AfterValidator, Field

from gridtokenx_hub.api.http.fields import EXAMPLE_SIGNATURE, EXAMPLE_TIME, Instant, Number, Rate
from gridtokenx_hub.api.http.models import In, Out
from gridtokenx_hub.api.http.pagination import NEXT
from gridtokenx_hub.oracle.judgement import Basis, Doubt
from gridtokenx_hub.oracle.rounds import Outcome
from gridtokenx_hub.oracle.state import Standing


def _reason(value: str) -> str:
    reason = value.strip()
    if not reason or not reason.isprintable():
        raise ValueError("say why, in printable characters on one line")
    return reason


class SourceRate(Out):
    """What a source told: a rate, or its fault by name."""

    name: str = Field(examples=["exchange-a"])
    thb_per_grx: Number | None = None
    error: str | None = Field(None, examples=["stale"])
    detail: str | None = None


class OracleRound(Out):
    """A round: who told what, what was believed, and what became of it."""

    number: int = Field(examples=[1])
    began_at: str = Field(examples=[EXAMPLE_TIME])
    outcome: Outcome = Field(description="withheld: there was nothing to post; sent: on its way")
    thb_per_grx: Number | None = Field(None, description="that was to be posted")
    basis: Basis | None = Field(None, description="manual: the operator's rate")
    median_thb_per_grx: Number | None = None
    doubt: Doubt | None = Field(None, description="why the median was not taken")
    sources: list[SourceRate]
    tx_signature: str | None = Field(None, examples=[EXAMPLE_SIGNATURE])
    detail: str | None = Field(None, description="why it is not on chain")


class OracleRounds(Out):
    """Rounds, newest first."""

    rounds: list[OracleRound]
    next: str | None = Field(None, description=NEXT)


class SetManualRate(In):
    """A rate for when the sources do not do, or to confirm a jump; in place of the one before."""

    thb_per_grx: Rate
    reason: Annotated[str, Field(max_length=500), AfterValidator(_reason)] = Field(
        examples=["both exchanges are down"]
    )
    ends_at: Instant = Field(description="in the future, at most 24 hours from now")


class ManualRateShown(Out):
    """An operator's rate that is in force."""

    thb_per_grx: Number
    reason: str
    set_by: str = Field(examples=["token 7 (night shift)"])
    set_at: str = Field(examples=[EXAMPLE_TIME])
    ends_at: str = Field(examples=[EXAMPLE_TIME])


class OracleState(Out):
    """Where the rate stands: the last round, the last that was posted, an operator's rate."""

    state: Standing = Field(
        description="falling_back: the operator's rate is posted; silent: nothing is"
    )
    last_round: OracleRound | None = None
    last_posted: OracleRound | None = None
    manual_rate: ManualRateShown | None = None
