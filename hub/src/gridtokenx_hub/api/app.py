"""The HTTP application: API and pages."""

from fastapi import Depends, FastAPI

from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.http.middleware import RequestGuard
from gridtokenx_hub.api.http.problems import expected_errors
from gridtokenx_hub.api.http.routing import limited
from gridtokenx_hub.api.routes import (
    about,
    access,
    bridge,
    codes,
    explain,
    explorer,
    households,
    market,
    meters,
    monitoring,
    operations,
    oracle,
    provisioning,
    tokens,
    trading,
    users,
)
from gridtokenx_hub.api.transactions.signing import WalletMustSign, answer_offer
from gridtokenx_hub.web import explaining, pages
from gridtokenx_hub.web.errors import answer_error


def create_app(context: ApiContext) -> FastAPI:
    """Return the application that serves the API under `/api` and the pages beside it."""
    app = FastAPI(
        title="GridTokenX",
        version="0.1.0",
        description="Metered solar surplus, signed by the device, traded between neighbours.",
        openapi_url="/api/openapi.json",
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        dependencies=[Depends(limited)],
    )
    app.state.context = context
    for kind in expected_errors():
        app.add_exception_handler(kind, answer_error)
    app.add_exception_handler(WalletMustSign, answer_offer)
    app.add_middleware(RequestGuard)
    for router in (
        about.router,
        access.public,
        access.private,
        tokens.router,
        market.router,
        trading.router,
        bridge.router,
        households.router,
        users.router,
        meters.router,
        operations.router,
        oracle.router,
        monitoring.private,
        monitoring.public,
        explorer.private,
        explorer.public,
        codes.private,
        provisioning.by_code,
        explain.public,
        explain.private,
        pages.router,
        explaining.router,
    ):
        app.include_router(router)
    app.mount("/static", pages.static_files(), name="static")
    return app
