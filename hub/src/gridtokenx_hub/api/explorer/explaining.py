"""Who may see what of an explanation; see decision 0034."""

from dataclasses import dataclass

from fastapi import Request

from gridtokenx_hub.api.access.auth import Principal, forbidden
from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.api.http.routing import context_of, known_caller
from gridtokenx_hub.explain import Explainer
from gridtokenx_hub.explain.shares import Shares

SHARE_SCHEME = "share"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks: anybody, the holder of a token, or of a share of one meter's readings."""

    principal: Principal | None = None
    shared_meter: str | None = None

    def sees(self, meter_id: str, owner: str) -> bool:
        """Whether the readings of this meter, minted to this wallet, may be shown."""
        if self.shared_meter is not None:
            return self.shared_meter == meter_id
        if self.principal is None:
            return False
        return self.principal.role == "operator" or self.principal.wallet == owner

    def require(self, meter_id: str, owner: str) -> None:
        """Check that the readings may be shown.

        Raises:
            Problem: 403, they are somebody else's.
        """
        if not self.sees(meter_id, owner):
            raise forbidden("readings are their household's: ask the owner for a link")


async def viewer_of(request: Request, signature: str) -> Viewer:
    """Return who asks about a transaction.

    Raises:
        Problem: 401, the token, session or share is not ours, or has ended.
    """
    context = context_of(request)
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != SHARE_SCHEME:
        return Viewer(await known_caller(request))
    now_s = int(context.clock().timestamp())
    meter_id = Shares(context.share_seed).read(given.strip(), signature, now_s)
    if meter_id is None:
        raise Problem(
            401,
            "Unauthenticated",
            "this link has expired, or is for another transaction: ask the owner for another",
            {"WWW-Authenticate": "Share"},
        )
    return Viewer(shared_meter=meter_id)


def explainer_of(context: ApiContext) -> Explainer:
    """Return what explains this deployment's transactions."""
    return Explainer(
        context.pool,
        context.client,
        context.programs,
        context.addresses,
        context.deployment.deployment,
        context.deployment.genesis_hash,
    )
