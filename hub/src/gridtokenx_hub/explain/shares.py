"""Links by which an owner shows others the readings behind one settlement, for a while.

A share is `expiry.meter.mac`: Unix seconds, 32 hex digits, and HMAC-SHA256 over both and the
transaction's signature under the hub's own key, in base64url. Nothing is stored.
"""

import base64
import hashlib
import hmac

_MAC_SIZE = 43


class Shares:
    """Makes and reads shares; `seed` is the hub's, 32 bytes."""

    def __init__(self, seed: bytes) -> None:
        self._key = hmac.digest(seed, b"gridtokenx explain share", hashlib.sha256)

    def make(self, signature: str, meter_id: str, expires_s: int) -> str:
        """Return the share of one meter's readings behind one transaction."""
        return f"{expires_s}.{meter_id}.{self._mac(signature, meter_id, expires_s)}"

    def read(self, share: str, signature: str, now_s: int) -> str | None:
        """Return the meter whose readings it shows; None when it is not ours, or has expired."""
        expires, _, rest = share.partition(".")
        meter_id, _, mac = rest.partition(".")
        if not (expires.isascii() and expires.isdecimal() and len(expires) < 16):
            return None
        made = self._mac(signature, meter_id, int(expires))
        if not hmac.compare_digest(mac.encode("utf-8", "replace"), made.encode()):
            return None
        return meter_id if int(expires) > now_s else None

    def _mac(self, signature: str, meter_id: str, expires_s: int) -> str:
        told = f"{signature}.{meter_id}.{expires_s}".encode("utf-8", "replace")
        mac = hmac.digest(self._key, told, hashlib.sha256)
        return base64.urlsafe_b64encode(mac).decode()[:_MAC_SIZE]
