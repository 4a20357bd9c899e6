"""What goes in and out over HTTP where operators issue codes and revoke meters."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gridtokenx_hub.api.http.fields import (
    EXAMPLE_SIGNATURE,
    EXAMPLE_TIME,
    EXAMPLE_WALLET,
    Energy,
    Identifier,
    Power,
)
from gridtokenx_hub.api.http.models import In, Out
from gridtokenx_hub.api.http.pagination import NEXT
from gridtokenx_hub.provisioning.models import EXAMPLE_METER, CodePurpose, MeterIdText, Serial

DAY_S = 86_400


class IssueCode(In):
    """What a code is to be good for."""

    purpose: CodePurpose
    user_id: Identifier | None = Field(None, description="the owner; for install")
    export_limit_w: Power | None = None
    import_limit_w: Power | None = None
    daily_export_limit_mwh: Energy | None = Field(None, alias="daily_export_limit_kwh")
    meter_id: MeterIdText | None = Field(None, description="for all but install")
    new_user_id: Identifier | None = Field(None, description="the owner after a transfer")
    serial: Serial | None = Field(None, description="the only meter that may be claimed")
    valid_for_s: Annotated[int, Field(ge=60, le=90 * DAY_S)] = 7 * DAY_S

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """Check that what the purpose needs is there, and nothing else."""
        needed = {
            "install": {
                "user_id",
                "export_limit_w",
                "import_limit_w",
                "daily_export_limit_mwh",
            },
            "rotate_key": {"meter_id"},
            "replace_meter": {"meter_id"},
            "transfer": {"meter_id", "new_user_id"},
            "revoke": {"meter_id"},
        }[self.purpose]
        optional = {"purpose", "serial", "valid_for_s"}
        given = {name for name, value in self if value is not None} - optional
        wrong = sorted((needed - given) | (given - needed))
        if wrong:
            names = sorted(name.replace("_mwh", "_kwh") for name in needed)
            raise ValueError(f"a code for {self.purpose} needs {', '.join(names)} and no more")
        return self


class IssuedCode(Out):
    """A new code; it is shown this once."""

    code_id: int = Field(examples=[1])
    code: str = Field(examples=["K7QF-9M2X-4TDA-W3HN"])
    purpose: CodePurpose
    expires_at: str = Field(examples=[EXAMPLE_TIME])


class ListedCode(Out):
    """Where a code stands."""

    code_id: int
    purpose: str
    state: Literal["open", "claimed", "done", "expired", "withdrawn"]
    owner_name: str
    owner_wallet: str = Field(examples=[EXAMPLE_WALLET])
    meter_id: str | None = Field(None, examples=[EXAMPLE_METER])
    serial: str | None = None
    tx_signature: str | None = None
    created_at: str
    expires_at: str
    claimed_at: str | None = None
    done_at: str | None = None


class CodeList(Out):
    """Codes, the newest first."""

    codes: list[ListedCode]
    next: str | None = Field(None, description=NEXT)


class RevokeMeter(In):
    """End a meter for ever."""

    reason: Literal["stolen", "decommissioned"]


class RevokedMeter(Out):
    """The meter is revoked on chain, at the broker and at the hub."""

    meter_id: str = Field(examples=[EXAMPLE_METER])
    tx_signature: str = Field(examples=[EXAMPLE_SIGNATURE])
