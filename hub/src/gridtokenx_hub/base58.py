"""Base58 in Bitcoin's alphabet, for byte strings of any length."""

from operator import mul

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_NO_DIGIT = 58
_VALUES = bytes(
    ALPHABET.index(chr(code)) if chr(code) in ALPHABET else _NO_DIGIT for code in range(256)
)
# Ten digits are read or made at once: a long number is multiplied or divided a tenth as often.
_AT_ONCE = 10
_POWERS = [58**place for place in reversed(range(_AT_ONCE))]
_BASE = 58**_AT_ONCE
_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]


def encode(data: bytes) -> str:
    """Return `data` in base58."""
    number = int.from_bytes(data, "big")
    groups = []
    while number:
        number, group = divmod(number, _BASE)
        for _ in range(_AT_ONCE // 2):
            group, pair = divmod(group, len(_PAIRS))
            groups.append(_PAIRS[pair])
    digits = "".join(reversed(groups)).lstrip(ALPHABET[0])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return "1" * zeros + digits


def decode(text: str) -> bytes:
    """Return the bytes that `text` stands for.

    Raises:
        ValueError: a character is not of the alphabet; the message names it as Agave does.
    """
    digits = text.encode().translate(_VALUES)
    if _NO_DIGIT in digits:
        index, character = next(found for found in enumerate(text) if found[1] not in ALPHABET)
        raise ValueError(f"InvalidCharacter {{ character: '{character}', index: {index} }}")
    digits = bytes(-len(digits) % _AT_ONCE) + digits
    number = 0
    for start in range(0, len(digits), _AT_ONCE):
        number = number * _BASE + sum(map(mul, digits[start : start + _AT_ONCE], _POWERS))
    zeros = len(text) - len(text.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")
