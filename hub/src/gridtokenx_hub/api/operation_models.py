"""What operators look into, as HTTP shows it."""

from pydantic import Field

from gridtokenx_hub.api.fields import EXAMPLE_TIME
from gridtokenx_hub.api.meter_models import EXAMPLE_METER
from gridtokenx_hub.api.models import Out
from gridtokenx_hub.api.pagination import NEXT


class QuarantineEntry(Out):
    """A message that ingest refused."""

    number: int = Field(examples=[1])
    received_at: str = Field(examples=[EXAMPLE_TIME])
    topic: str = Field(examples=[f"gtx/v1/{EXAMPLE_METER}/readings"])
    meter_id: str | None = Field(None, examples=[EXAMPLE_METER])
    sequence: int | None = Field(None, examples=[17])
    reason: str = Field(examples=["equivocation"])
    detail: str
    size_bytes: int = Field(examples=[236])


class QuarantineList(Out):
    """Refused messages, newest first."""

    messages: list[QuarantineEntry]
    next: str | None = Field(None, description=NEXT)


class QuarantinedMessage(QuarantineEntry):
    """A refused message with its original bytes."""

    payload: str = Field(examples=["0oRDoQEnoQRI…"], description="base64")
