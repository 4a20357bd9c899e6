"""A visit to a page: who comes, in which language, and the template in answer."""

import datetime as dt
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from gridtokenx_hub.api.access.auth import Principal
from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.http.routing import context_of, visitor_of
from gridtokenx_hub.api.market.market import iso
from gridtokenx_hub.web import formats
from gridtokenx_hub.web.language import COOKIE, Language, choose, languages
from gridtokenx_programs import PROGRAM_NAMES, load

HEADERS = {
    "Cache-Control": "private, no-cache",
    "Vary": "Accept-Language, Cookie",
}


@dataclass(frozen=True, slots=True)
class Visit:
    """One request for a page; `visitor` is None for who has not signed in.

    `way` is the path with its query: where a visitor comes back to.
    """

    context: ApiContext
    language: Language
    visitor: Principal | None
    way: str
    now: dt.datetime

    @property
    def path(self) -> str:
        """The way without its query."""
        return self.way.partition("?")[0]


async def _visit(request: Request) -> Visit:
    context = context_of(request)
    now = context.clock()
    query = f"?{request.url.query}" if request.url.query else ""
    return Visit(
        context, language_of(request), await visitor_of(request), request.url.path + query, now
    )


Visited = Annotated[Visit, Depends(_visit)]


def language_of(request: Request) -> Language:
    """Return the language of a request."""
    return choose(request.cookies.get(COOKIE), request.headers.get("accept-language"))


def page(visit: Visit, template: str, status: int = 200, **values: object) -> HTMLResponse:
    """Return a page in the visitor's language."""
    return HTMLResponse(
        render(visit, template, **values),
        status_code=status,
        headers=HEADERS | {"Content-Language": visit.language.code},
    )


def render(visit: Visit, template: str, **values: object) -> str:
    """Return a template filled in, in the visitor's language."""
    language, now = visit.language, visit.now
    words = {
        "visit": visit,
        "now": now,
        "t": language.say,
        "moment": language.moment,
        "day": language.day,
        "ago": lambda instant: language.ago(instant, now),
        "language": language,
        "languages": tuple(languages().values()),
        "status": partial(_one_of, language, "status"),
    }
    return _templates.get_template(template).render(words | values)


def _one_of(language: Language, group: str, name: str) -> str:
    """Return the words for a name that comes from data; the name itself where there are none."""
    return language.words.get(f"{group}.{name}", name)


_templates = Environment(
    loader=PackageLoader("gridtokenx_hub.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters.update(
    kwh=formats.kwh,
    about_kwh=formats.about_kwh,
    grx=formats.grx,
    price=formats.price,
    baht=formats.baht,
    watts=formats.watts,
    short=formats.short,
    decimal=formats.decimal,
    iso=iso,
    instant=dt.datetime.fromisoformat,
)
_templates.globals["event_names"] = " ".join(
    sorted(
        {name for each in PROGRAM_NAMES for name in load(each).idl.event_names.values()}
        | {"PaymentsChanged"}
    )
)
