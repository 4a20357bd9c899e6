"""Challenges of sign-ins, of which nothing is stored.

A nonce holds the time and a code over wallet and time, made with a key that this process draws:
another hub's challenges, and those from before a restart, are unknown here. A nonce that has signed
somebody in is remembered until it expires.
"""

import datetime as dt
import hashlib
import hmac
import re
import secrets

CHALLENGE_LIFE = dt.timedelta(minutes=5)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MS = dt.timedelta(milliseconds=1)
_NONCE = re.compile(r"([0-9a-f]{12})([0-9a-f]{16})([0-9a-f]{32})")
"""Unix ms, random, code."""


class Challenges:
    """The challenges of one process: makes them, and accepts each once."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._used: dict[str, dt.datetime] = {}

    def draw(self, wallet: str, now: dt.datetime) -> str:
        """Return the nonce of a new challenge."""
        head = f"{(now - EPOCH) // _MS:012x}{secrets.token_hex(8)}"
        return head + self._code(wallet, head)

    def issued_at(self, wallet: str, nonce: str) -> dt.datetime | None:
        """Return when this wallet got this nonce from here, None when it did not."""
        parts = _NONCE.fullmatch(nonce)
        if parts is None:
            return None
        time, salt, code = parts.groups()
        if not hmac.compare_digest(code, self._code(wallet, time + salt)):
            return None
        return EPOCH + int(time, 16) * _MS

    def use(self, nonce: str, now: dt.datetime) -> bool:
        """Take a nonce; whether nobody had."""
        # Used in the order of time, but for a clock that was set: the oldest are first.
        for old, expires_at in list(self._used.items()):
            if expires_at > now:
                break
            del self._used[old]
        if nonce in self._used:
            return False
        self._used[nonce] = now + CHALLENGE_LIFE
        return True

    def _code(self, wallet: str, head: str) -> str:
        message = f"{wallet} {head}".encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()[:32]
