"""The serial number that a meter tells about itself."""

from gridtokenx_edge.errors import ReadingRefused
from gridtokenx_edge.meters.plan import Block
from gridtokenx_edge.meters.profile import Profile
from gridtokenx_protocol.registers import NotAvailable, unpack_number


def identity_block(profile: Profile) -> Block | None:
    """The request that reads the serial number; None if the model does not tell it."""
    identity = profile.identity
    if identity is None:
        return None
    return Block(identity.function, identity.address, identity.words)


def decode_identity(profile: Profile, raw: bytes) -> str:
    """The serial number as it is printed on the meter: digits, or text.

    Args:
        profile: One with an identity.
        raw: The bytes of ``identity_block``.

    Raises:
        ReadingRefused: ``no_identity``: it is empty, zero, not available or not text.
    """
    identity = profile.identity
    if identity is None or identity.type is None:
        serial = _text(raw)
    else:
        number = unpack_number(
            raw,
            identity.type,
            little_words=profile.little_words,
            not_available=NotAvailable.HIGHEST,
        )
        serial = str(number or "")
    if not serial:
        raise ReadingRefused(
            "no_identity", f"its serial number reads {raw.hex()}; check model and unit"
        )
    return serial


def _text(raw: bytes) -> str:
    # some meters put one letter into each word: zero bytes are between letters, too
    text = raw.replace(b"\0", b"").decode("ascii", errors="replace").strip()
    readable = text.isascii() and text.isprintable()
    return text if readable and text.strip("0") else ""
