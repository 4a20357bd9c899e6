"""Sign-in with a wallet: a challenge, signed by the wallet's key, becomes a token of limited life.

The text is that of Sign-In With Solana (github.com/phantom/sign-in-with-solana), so wallets show it
as a sign-in and warn when it names another domain than the page's. The domain is the hub's own, by
its settings, and never what a request says: another's page cannot have a challenge that names it.
"""

import datetime as dt
from urllib.parse import urlsplit

from solders.pubkey import Pubkey
from solders.signature import Signature

from gridtokenx_hub.api.access.auth import create_token
from gridtokenx_hub.api.access.challenges import CHALLENGE_LIFE
from gridtokenx_hub.api.access.models import AskToSignIn, Challenge, SignedIn, SignIn
from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.api.market.market import iso

TOKEN_LIFE = dt.timedelta(hours=12)
LABEL = "wallet sign-in"
STATEMENT = "Sign in to GridTokenX. It proves that the wallet is yours, and moves nothing."

_USER = "SELECT id, registered_at FROM users WHERE wallet = $1"
_INSERT_USER = """
INSERT INTO users (wallet, name, user_type, self_registered, created_at)
SELECT $1, $2, $3, true, $4
 WHERE (SELECT count(*) FROM users
         WHERE self_registered AND created_at > $4::timestamptz - interval '1 day') < $5
ON CONFLICT (wallet) DO NOTHING
"""


def challenge(context: ApiContext, body: AskToSignIn) -> Challenge:
    """Return what the wallet has to sign."""
    now = context.clock()
    return _challenge(context, body.wallet, context.challenges.draw(body.wallet, now), now)


async def sign_in(context: ApiContext, body: SignIn) -> SignedIn:
    """Return a token for whoever signed the challenge.

    Raises:
        Problem: 403, not this wallet's challenge, too late, a second time, or not signed by it;
            404, the wallet is nobody's here, and registers not or not yet by itself.
    """
    now = context.clock()
    issued_at = context.challenges.issued_at(body.wallet, body.nonce)
    if issued_at is None or not issued_at - CHALLENGE_LIFE <= now <= issued_at + CHALLENGE_LIFE:
        raise _refused("the challenge is not this hub's, or too old: ask for another")
    message = _challenge(context, body.wallet, body.nonce, issued_at).message
    if not _is_signed(body, message.encode()):
        raise _refused("the wallet has not signed this challenge")
    user = await context.pool.fetchrow(_USER, body.wallet)
    if user is None and await _registers(context, body, now):
        user = await context.pool.fetchrow(_USER, body.wallet)
    if user is None:
        raise Problem(
            404,
            "UnknownWallet",
            f"no user has wallet {body.wallet}: ask the operator to register it",
        )
    if not context.challenges.use(body.nonce, now):
        raise _refused("the challenge has been used: ask for another")
    expires_at = now + TOKEN_LIFE
    token = await create_token(context.pool, "user", user["id"], expires_at, label=LABEL)
    return SignedIn(
        token=token,
        expires_at=iso(expires_at),
        user_id=user["id"],
        is_registered=user["registered_at"] is not None,
    )


async def _registers(context: ApiContext, body: SignIn, now: dt.datetime) -> bool:
    """Write down a wallet that registers itself, where the operator allows it."""
    allowed = context.settings.registrations_per_day
    if body.name is None or body.user_type is None or allowed == 0:
        return False
    await context.pool.execute(_INSERT_USER, body.wallet, body.name, body.user_type, now, allowed)
    return True


def _challenge(context: ApiContext, wallet: str, nonce: str, issued_at: dt.datetime) -> Challenge:
    url = context.settings.url
    domain = urlsplit(url).netloc
    issued, expires = _iso_ms(issued_at), _iso_ms(issued_at + CHALLENGE_LIFE)
    resource = f"urn:gridtokenx:deployment:{context.deployment.deployment.hex()}"
    message = (
        f"{domain} wants you to sign in with your Solana account:\n{wallet}\n\n{STATEMENT}\n\n"
        f"URI: {url}\nVersion: 1\nNonce: {nonce}\nIssued At: {issued}\n"
        f"Expiration Time: {expires}\nResources:\n- {resource}"
    )
    return Challenge(
        message=message,
        domain=domain,
        address=wallet,
        statement=STATEMENT,
        uri=url,
        version="1",
        nonce=nonce,
        issued_at=issued,
        expiration_time=expires,
        resources=[resource],
    )


def _is_signed(body: SignIn, message: bytes) -> bool:
    try:
        signature = Signature.from_bytes(body.signature)
    except ValueError:
        return False
    return signature.verify(Pubkey.from_string(body.wallet), message)


def _iso_ms(instant: dt.datetime) -> str:
    return instant.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _refused(detail: str) -> Problem:
    return Problem(403, "SignInRefused", detail)
