"""What users show over HTTP."""

from pydantic import Field

from gridtokenx_hub.api.http.fields import EXAMPLE_TIME, EXAMPLE_WALLET, UserType
from gridtokenx_hub.api.http.models import Out
from gridtokenx_hub.api.http.pagination import NEXT


class UserDetails(Out):
    """A household."""

    user_id: int = Field(examples=[1])
    wallet: str = Field(examples=[EXAMPLE_WALLET])
    name: str = Field(examples=["Solar Home A"])
    user_type: UserType
    created_at: str = Field(examples=[EXAMPLE_TIME])
    registered_at: str | None = Field(
        None, examples=[EXAMPLE_TIME], description="on chain; left out before"
    )


class UserList(Out):
    """Households by their ids."""

    users: list[UserDetails]
    next: str | None = Field(None, description=NEXT)
