"""The page of an explanation: a shell, in which the visitor's browser checks every step."""

import re

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from gridtokenx_hub.api.http.middleware import SECURITY_HEADERS
from gridtokenx_hub.web.rendering import Visited, page

SIGNATURE = re.compile("[1-9A-HJ-NP-Za-km-z]{64,88}")
POLICY = "Content-Security-Policy"
# The visitor chooses the node; nothing else of the policy is less strict here.
HEADERS = {
    POLICY: SECURITY_HEADERS[POLICY].replace(
        "connect-src 'self'", "connect-src 'self' http: https:"
    )
}

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/explain/{signature}")
async def explain(visit: Visited, signature: str) -> HTMLResponse:
    """Where the tokens of a transaction come from."""
    if not SIGNATURE.fullmatch(signature):
        return page(visit, "no_transaction.html", 404, signature=signature)
    answer = page(visit, "explain.html", signature=signature, node=visit.context.public_rpc_url)
    answer.headers.update(HEADERS)
    return answer
