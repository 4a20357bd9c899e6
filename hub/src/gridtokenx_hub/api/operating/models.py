"""What operators look into, as HTTP shows it."""

from pydantic import Field

from gridtokenx_hub.api.http.fields import EXAMPLE_TIME
from gridtokenx_hub.api.http.models import Out
from gridtokenx_hub.api.http.pagination import NEXT
from gridtokenx_hub.api.meters.models import EXAMPLE_METER
from gridtokenx_hub.backup.journal import Standing


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


class BackupShown(Out):
    """A backup that has ended: with files of `size_bytes`, or with a `failure`."""

    number: int = Field(examples=[1])
    began_at: str = Field(
        examples=[EXAMPLE_TIME], description="what was in the database then is in it"
    )
    ended_at: str = Field(examples=[EXAMPLE_TIME])
    size_bytes: int | None = Field(None, examples=[217_000_000])
    failure: str | None = Field(None, examples=["OSError: [Errno 28] No space left on device"])


class BackupList(Out):
    """Where backups stand, and those that have ended, newest first."""

    standing: Standing = Field(
        description="`old`: no good one in 26 hours; `failed`: one has failed since the last good"
    )
    last_good: BackupShown | None = None
    backups: list[BackupShown]
    next: str | None = Field(None, description=NEXT)
