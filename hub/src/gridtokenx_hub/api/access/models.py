"""What goes in and out over HTTP for tokens, sessions and sign-in."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from gridtokenx_hub.api.http.fields import (
    EXAMPLE_TIME,
    EXAMPLE_WALLET,
    Address,
    Base64,
    Identifier,
    Name,
    UserType,
    text,
)
from gridtokenx_hub.api.http.models import In, Out
from gridtokenx_hub.api.http.pagination import NEXT

RoleName = Literal["operator", "installer", "user", "monitor"]


def _label(value: str) -> str:
    if not value.isprintable():
        raise ValueError("give printable characters")
    return value.strip()


Label = Annotated[str, Field(max_length=100, examples=["energy dashboard"]), AfterValidator(_label)]
Days = Annotated[int, Field(ge=1, le=3650, examples=[90])]


class CreateToken(In):
    """Make a bearer token: operators for anybody, users for themselves."""

    role: RoleName
    user_id: Identifier | None = Field(None, description="whose; for the role user alone")
    label: Label = ""
    valid_days: Days | None = Field(None, description="left out: until it is revoked")


class ListedToken(Out):
    """A token, without its secret."""

    token_id: int = Field(examples=[7])
    role: RoleName
    user_id: int | None = None
    label: str
    is_session: bool
    is_yours: bool = Field(description="the one that this request came with")
    created_at: str = Field(examples=[EXAMPLE_TIME])
    expires_at: str | None = Field(None, examples=[EXAMPLE_TIME])
    last_used_at: str | None = Field(None, examples=[EXAMPLE_TIME], description="to the minute")


class TokenList(Out):
    """Tokens that are good now, newest first."""

    tokens: list[ListedToken]
    next: str | None = Field(None, description=NEXT)


class NewToken(Out):
    """A token that was made."""

    token_id: int = Field(examples=[7])
    role: RoleName
    user_id: int | None = None
    label: str
    expires_at: str | None = Field(None, examples=[EXAMPLE_TIME])


class CreatedToken(NewToken):
    """A token that was made; its secret is shown this once."""

    token: str = Field(examples=["gtx_…"])


class Session(Out):
    """A session that was opened; its token is in the cookie."""

    role: RoleName
    user_id: int | None = None
    expires_at: str = Field(examples=[EXAMPLE_TIME])


class AskToSignIn(In):
    """The wallet that wants to sign in."""

    wallet: Address


class Challenge(Out):
    """What the wallet signs: `message` as it stands, or the same by its own `signIn` method."""

    message: str = Field(description="UTF-8 text, to be signed as it is")
    domain: str = Field(examples=["hub.example"])
    address: str = Field(examples=[EXAMPLE_WALLET])
    statement: str
    uri: str = Field(examples=["https://hub.example"])
    version: Literal["1"]
    nonce: str
    issued_at: str = Field(examples=["2025-11-24T10:30:00.000Z"])
    expiration_time: str = Field(examples=["2025-11-24T10:35:00.000Z"])
    resources: list[str] = Field(examples=[["urn:gridtokenx:deployment:9b1c2d3e"]])


class SignIn(In):
    """A challenge, signed. `name` and `user_type` are for a wallet that registers itself."""

    wallet: Address
    nonce: Annotated[str, Field(max_length=128)]
    signature: Annotated[Base64, text("MEUCIQ…", "base64 of the 64 bytes by the wallet's key")]
    name: Name | None = Field(None, examples=["Solar Home A"])
    user_type: UserType | None = None


class SignedIn(Out):
    """A token of limited life."""

    token: str = Field(examples=["gtx_…"])
    expires_at: str = Field(examples=[EXAMPLE_TIME])
    user_id: int = Field(examples=[1])
    is_registered: bool = Field(
        description="on chain; if not, POST /api/users/me/registration comes next"
    )
