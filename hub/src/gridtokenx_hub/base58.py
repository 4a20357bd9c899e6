"""Base58 in Bitcoin's alphabet, for byte strings of any length."""

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUES = {character: value for value, character in enumerate(ALPHABET)}


def encode(data: bytes) -> str:
    """Return `data` in base58."""
    number = int.from_bytes(data, "big")
    digits = []
    while number:
        number, digit = divmod(number, 58)
        digits.append(ALPHABET[digit])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return "1" * zeros + "".join(reversed(digits))


def decode(text: str) -> bytes:
    """Return the bytes that `text` stands for.

    Raises:
        ValueError: a character is not of the alphabet; the message names it as Agave does.
    """
    number = 0
    for index, character in enumerate(text):
        if character not in _VALUES:
            raise ValueError(f"InvalidCharacter {{ character: '{character}', index: {index} }}")
        number = number * 58 + _VALUES[character]
    zeros = len(text) - len(text.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")
