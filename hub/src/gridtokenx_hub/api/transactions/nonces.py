"""Nonces of orders: the time in milliseconds, as the trading program wants them."""

LEAD_MS = 60_000


class Nonces:
    """Draws nonces, none twice; one source for all wallets of a process."""

    def __init__(self) -> None:
        self._last = 0

    def draw(self, now_ms: int) -> int:
        """Return a nonce of now, or the next that was not drawn yet.

        A nonce is never far ahead of the time: when the clock was set back, it starts from there
        again, and the chain tells if one was used before.
        """
        following = self._last + 1
        self._last = following if now_ms < following <= now_ms + LEAD_MS else now_ms
        return self._last
