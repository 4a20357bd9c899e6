"""`[oracle]` in `hub.toml`: who is asked for the rate, and when their answers count."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from gridtokenx_hub.oracle.errors import SourceError
from gridtokenx_hub.oracle.rates import micro_thb


def _decimal(value: object) -> object:
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise ValueError('a decimal in quotes, such as "10.0"')  # noqa: TRY004 - pydantic reports ValueError alone
    try:
        return micro_thb(str(value))
    except SourceError as error:
        raise ValueError(error.detail) from error


def _http(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("an address that begins with http:// or https://")
    return url


Name = Annotated[str, Field(pattern=r"^[0-9A-Za-z._-]{1,64}$")]
Seconds = Annotated[int, Field(ge=1, le=86_400)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FixedSource(_Table):
    """Always the same rate, for a market whose operator guarantees it."""

    kind: Literal["fixed"]
    name: Name = "fixed"
    micro_thb_per_grx: Annotated[int, BeforeValidator(_decimal), Field(alias="thb_per_grx")]


class FileSource(_Table):
    """A file with a decimal number, which others write; its own time is when it was written."""

    kind: Literal["file"]
    name: Name = "file"
    path: Path
    stale_after_s: Seconds | None = None


class JsonSource(_Table):
    """A number in a JSON document; `path` and `time_path` are dotted, or JSON Pointers (RFC 6901).

    A time is Unix seconds, Unix ms, or text as in RFC 3339.
    """

    kind: Literal["json"]
    name: Name
    url: Annotated[str, AfterValidator(_http)]
    path: Annotated[str, Field(min_length=1, max_length=500)]
    time_path: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    stale_after_s: Seconds = 300


Source = Annotated[FixedSource | FileSource | JsonSource, Field(discriminator="kind")]


class OracleSettings(_Table):
    """Whom the oracle asks each `period_s`, and when it believes them.

    At least `quorum` sources must tell a fresh rate; their median must not differ from the rate on
    chain by more than `max_jump_percent`. The period leaves room for a round that fails: the
    trading program takes no rate older than 5 minutes.
    """

    sources: Annotated[tuple[Source, ...], Field(min_length=1, max_length=16)]
    quorum: Annotated[int, Field(ge=1, le=16)] = 1
    period_s: Annotated[int, Field(ge=1, le=120)] = 60
    max_jump_percent: Annotated[int, Field(ge=1, le=100)] = 5

    @model_validator(mode="after")
    def _is_possible(self) -> "OracleSettings":
        if self.quorum > len(self.sources):
            raise ValueError(f"a quorum of {self.quorum} needs as many sources")
        names = Counter(source.name for source in self.sources)
        if twice := [name for name, count in names.items() if count > 1]:
            raise ValueError(f"two sources have the same name: {', '.join(twice)}")
        return self
