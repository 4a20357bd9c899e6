"""What goes back to whoever asked."""

from collections.abc import Callable
from dataclasses import dataclass

NOISE = bytes.fromhex("ff0055aa00ff")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer before it is framed.

    Attributes:
        unit: Address that it bears.
        pdu: From the function code on.
        delay_s: How late it comes.
        damage: What happens to it on its way: ``crc``, ``cut``, ``held``, ``noise`` or
            ``restart``.
    """

    unit: int
    pdu: bytes
    delay_s: float = 0
    damage: str | None = None


Answer = Callable[[int, bytes], Reply | None]
"""Unit and request, from the function code on, to what is answered if anything is."""
