"""One-time codes: 80 random bits in Crockford's base32, of which the database knows the hash."""

import hashlib
import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base32: without I, L and O, which look like digits, and without U."""
SIZE = 16
GROUP = 4

_LOOKALIKES = str.maketrans({"O": "0", "I": "1", "L": "1", " ": None, "-": None})
_MAX_TEXT = 64


def draw_code() -> str:
    """Return a new code, such as `K7QF-9M2X-4TDA-W3HN`."""
    symbols = "".join(secrets.choice(ALPHABET) for _ in range(SIZE))
    return "-".join(symbols[start : start + GROUP] for start in range(0, SIZE, GROUP))


def hash_code(text: str) -> bytes | None:
    """Return what the database knows of a code as a person typed it; None when it is no code.

    Case, spaces, dashes and the letters that look like digits do not matter. 80 random bits that
    hold for days and are tried over the network need no slow hash.
    """
    symbols = text[:_MAX_TEXT].upper().translate(_LOOKALIKES)
    if len(text) > _MAX_TEXT or len(symbols) != SIZE or not set(symbols) <= set(ALPHABET):
        return None
    return hashlib.sha256(symbols.encode()).digest()
