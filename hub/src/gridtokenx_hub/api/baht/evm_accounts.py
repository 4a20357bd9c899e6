"""From which EVM account a user pays: the hub's for them, or their own, proved by its signature.

The text that is signed is that of Sign-In with Ethereum (EIP-4361), so wallets show it as such and
warn when it names another domain than the page's. It is good once, for one user, for five minutes.
"""

import datetime as dt
from urllib.parse import urlsplit

from solders.pubkey import Pubkey

from gridtokenx_hub.api.access.auth import Principal
from gridtokenx_hub.api.access.challenges import CHALLENGE_LIFE
from gridtokenx_hub.api.baht.models import (
    Account,
    AccountChallenge,
    AccountInUse,
    AskForAccount,
    ChooseOwn,
)
from gridtokenx_hub.api.baht.payable import bridge_of, hexed
from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.api.market.market import iso
from gridtokenx_programs.evm import personal_digest, recover
from gridtokenx_programs.evm.words import checksummed

STATEMENT = "Pay for energy on GridTokenX from this account, as user {user_id}. It moves nothing."


async def account_in_use(context: ApiContext, caller: Principal) -> AccountInUse:
    """Return the account that the caller pays from, if they have chosen one."""
    user_id = caller.own_id()
    account = await bridge_of(context).accounts.in_use(user_id)
    if account is None:
        return AccountInUse()
    return AccountInUse(account=_shown(account.address, account.is_held))


async def choose_held(context: ApiContext, caller: Principal) -> Account:
    """Have the caller pay from the account that the hub holds for them."""
    user_id, wallet = caller.own_id(), Pubkey.from_string(caller.wallet or "")
    account = await bridge_of(context).accounts.choose_held(user_id, wallet)
    return _shown(account.address, account.is_held)


def challenge(context: ApiContext, caller: Principal, body: AskForAccount) -> AccountChallenge:
    """Return what the account's key has to sign."""
    now, user_id = context.clock(), caller.own_id()
    nonce = context.challenges.draw(_subject(body.address), now)
    return AccountChallenge(message=_text(context, user_id, body.address, nonce, now), nonce=nonce)


async def choose_own(context: ApiContext, caller: Principal, body: ChooseOwn) -> Account:
    """Have the caller pay from an account whose key has signed the challenge.

    Raises:
        Problem: 403 AccountNotProved, not this user's challenge, too late, a second time, or not
            signed by it; 409 AddressTaken, another user pays from it.
    """
    bridge, user_id, now = bridge_of(context), caller.own_id(), context.clock()
    issued_at = context.challenges.issued_at(_subject(body.address), body.nonce)
    if issued_at is None or not issued_at - CHALLENGE_LIFE <= now <= issued_at + CHALLENGE_LIFE:
        raise _not_proved("the challenge is not this hub's for you, or too old: ask for another")
    text = _text(context, user_id, body.address, body.nonce, issued_at)
    if recover(personal_digest(text), body.signature) != body.address:
        raise _not_proved("the account has not signed this challenge")
    if not context.challenges.use(body.nonce, now):
        raise _not_proved("the challenge has been used: ask for another")
    account = await bridge.accounts.choose_own(user_id, body.address)
    if account is None:
        raise Problem(409, "AddressTaken", "another user pays from this account: take another")
    return _shown(account.address, account.is_held)


def _subject(address: bytes) -> str:
    """Whose challenge it is; no wallet that signs in is called so. The text names the user."""
    return f"evm account {address.hex()}"


def _text(
    context: ApiContext, user_id: int, address: bytes, nonce: str, issued_at: dt.datetime
) -> str:
    url = context.settings.url
    return (
        f"{urlsplit(url).netloc} wants you to sign in with your Ethereum account:\n"
        f"{checksummed(address)}\n\n{STATEMENT.format(user_id=user_id)}\n\n"
        f"URI: {url}\nVersion: 1\nChain ID: {bridge_of(context).id.chain_id}\nNonce: {nonce}\n"
        f"Issued At: {iso(issued_at)}\nExpiration Time: {iso(issued_at + CHALLENGE_LIFE)}\n"
        f"Resources:\n- urn:gridtokenx:deployment:{context.deployment.deployment.hex()}"
    )


def _shown(address: bytes, is_held: bool) -> Account:
    return Account(address=hexed(address), custody="hub" if is_held else "own")


def _not_proved(detail: str) -> Problem:
    return Problem(403, "AccountNotProved", detail)
