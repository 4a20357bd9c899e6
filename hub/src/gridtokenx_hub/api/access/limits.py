"""How often one may ask: token buckets for users, installers and addresses."""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

from gridtokenx_hub.api.access.auth import Principal
from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.settings import ApiSettings

HOLDERS = 50_000
"""More are not told apart: those that have not asked for longest are forgotten."""
BURST_S = 10
"""Seconds of asking at the full rate that a bucket holds."""
IPV6_PREFIX = 64
"""Bits that a household's addresses share."""


class Buckets:
    """One bucket for each key: it holds `burst` tokens and gets `rate_per_s` more each second.

    Raises:
        ValueError: a bucket that never fills.
    """

    def __init__(
        self, rate_per_s: float, burst: int, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        if rate_per_s <= 0 or burst < 1:
            raise ValueError("a bucket needs a rate above zero and room for one")
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._monotonic_s = monotonic_s
        self._levels: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, key: Hashable) -> None:
        """Take one token.

        Raises:
            Problem: 429, there is none.
        """
        now_s = self._monotonic_s()
        level, since_s = self._levels.pop(key, (float(self._burst), now_s))
        level = min(self._burst, level + (now_s - since_s) * self._rate_per_s)
        allowed = level >= 1
        self._levels[key] = (level - 1 if allowed else level, now_s)
        if len(self._levels) > HOLDERS:
            self._levels.popitem(last=False)
        if not allowed:
            raise _too_many(math.ceil((1 - level) / self._rate_per_s))


class Limits:
    """What one user, installer or address may ask for; operators are not limited.

    Args:
        requests: of any kind. An address counts where the caller is not known.
        transactions: requests that may send one, for which the hub pays.
    """

    def __init__(self, requests: Buckets, transactions: Buckets) -> None:
        self._requests = requests
        self._transactions = transactions

    @classmethod
    def of(cls, settings: ApiSettings) -> "Limits":
        """Return the limits of these settings; a bucket holds what comes in its first `BURST_S`."""
        per_s, per_minute = settings.requests_per_s, settings.transactions_per_minute
        return cls(Buckets(per_s, per_s * BURST_S), Buckets(per_minute / 60, per_minute))

    def request(self, caller: Principal | None, address: str) -> None:
        """Count a request of this caller, or of this address.

        Raises:
            Problem: 429, too many.
        """
        if caller is None:
            self._requests.take(_network(address))
        elif caller.role != "operator":
            self._requests.take(_holder(caller))

    def transaction(self, caller: Principal) -> None:
        """Count a request that may send a transaction.

        Raises:
            Problem: 429, too many.
        """
        if caller.role != "operator":
            self._transactions.take(_holder(caller))


def _holder(caller: Principal) -> Hashable:
    """Whose bucket it is: all tokens of a user are one's."""
    if caller.user_id is not None:
        return ("user", caller.user_id)
    return ("token", caller.token_id)


def _network(address: str) -> Hashable:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return parsed
    return ipaddress.ip_network((parsed, IPV6_PREFIX), strict=False)


def _too_many(wait_s: int) -> Problem:
    return Problem(
        429,
        "TooManyRequests",
        f"too many requests: try again in {wait_s} s",
        {"Retry-After": str(wait_s)},
    )
