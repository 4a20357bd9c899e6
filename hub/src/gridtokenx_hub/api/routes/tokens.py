"""What wallets and explorers show of our tokens. Public: any web page may read it."""

import hashlib
import re
from importlib.resources import files
from typing import Literal

from fastapi import APIRouter, Request, Response

from gridtokenx_hub.api.http.exact_json import dumps
from gridtokenx_hub.api.http.problems import Problem, documented
from gridtokenx_hub.api.http.routing import Context
from gridtokenx_hub.api.market.token_list import TokenList, token_list

LIST_MAX_AGE_S = 300
LOGO_MAX_AGE_S = 86_400
HOST = re.compile(r"(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")

router = APIRouter(tags=["tokens"])


@router.get("/tokens.json", response_model=TokenList, responses=documented(400))
async def tokens(request: Request, context: Context) -> Response:
    """The deployment's tokens as a token list (tokenlists.org): names, decimals, logos."""
    host = request.headers.get("host", "")
    if not HOST.fullmatch(host):
        raise Problem(400, "InvalidHost", "the Host header must be the hub's host name and port")
    made = token_list(
        context.addresses, context.deployment.genesis_hash, f"{request.url.scheme}://{host}"
    )
    body = dumps(made.content()).encode()
    return _cacheable(request, body, "application/json", LIST_MAX_AGE_S)


@router.get("/logos/{name}.svg", include_in_schema=False)
async def logo(request: Request, name: Literal["energy", "grx"]) -> Response:
    """A token's logo."""
    image = (files("gridtokenx_hub.web") / "logos" / f"{name}.svg").read_bytes()
    return _cacheable(request, image, "image/svg+xml", LOGO_MAX_AGE_S)


def _cacheable(request: Request, body: bytes, media_type: str, max_age_s: int) -> Response:
    """Answer with a body that is the same for everybody, or say that the caller has it."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {
        "ETag": tag,
        "Cache-Control": f"public, max-age={max_age_s}",
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    known = {each.strip().removeprefix("W/") for each in _if_none_match(request).split(",")}
    if known & {tag, "*"}:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def _if_none_match(request: Request) -> str:
    return ",".join(request.headers.getlist("if-none-match"))
