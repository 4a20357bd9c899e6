"""The pages: one module each."""

from fastapi import APIRouter
from starlette.staticfiles import StaticFiles

from gridtokenx_hub.web.pages import (
    book,
    developers,
    energy,
    entry,
    explorer,
    meters,
    operations,
    payments,
    people,
    preferences,
    redeem,
    register,
    trade,
)

PAGES = (
    *(book, payments, trade, energy, redeem, meters, explorer),
    *(operations, people, entry, register, developers, preferences),
)

router = APIRouter(include_in_schema=False)
for _page in PAGES:
    router.include_router(_page.router)


def static_files() -> StaticFiles:
    """Return the application that serves style, scripts, fonts and icons."""
    return StaticFiles(packages=[("gridtokenx_hub.web", "static")])
