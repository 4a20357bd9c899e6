"""The few pieces of the EVM's encoding that the bridge needs: words of 32 bytes, and hashes."""

from Crypto.Hash import keccak as _keccak

WORD = 32
ADDRESS = 20
LARGEST = 2**63 - 1
"""No block, time or epoch is beyond it; amounts may be."""


def keccak(data: bytes) -> bytes:
    """Keccak-256, which is not SHA3-256."""
    return _keccak.new(data=data, digest_bits=256).digest()


def selector(signature: str) -> bytes:
    """The 4 bytes by which a contract knows a function, from its signature."""
    return keccak(signature.encode())[:4]


def word(number: int) -> bytes:
    """An unsigned number as one word."""
    return number.to_bytes(WORD, "big")


def address_word(address: bytes) -> bytes:
    """A 20-byte address as one word."""
    return address.rjust(WORD, b"\0")


def unhex(text: str, size: int | None = None) -> bytes:
    """Bytes of a hex string with 0x.

    Raises:
        ValueError: it is none, or has not `size` bytes.
    """
    if not text.startswith("0x"):
        raise ValueError("hex digits begin with 0x")
    data = bytes.fromhex(text[2:])
    if size is not None and len(data) != size:
        raise ValueError(f"{len(data)} bytes, not {size}")
    return data


def checksummed(address: bytes) -> str:
    """An address as people read it: its capitals are a checksum (EIP-55)."""
    digits = address.hex()
    digest = keccak(digits.encode()).hex()
    raised = (d.upper() if int(h, 16) > 7 else d for d, h in zip(digits, digest, strict=False))
    return f"0x{''.join(raised)}"


def quantity(text: str) -> int:
    """A number as JSON-RPC writes it.

    Raises:
        ValueError: it is none, or larger than any that is meant.
    """
    if not text.startswith("0x"):
        raise ValueError("a quantity begins with 0x")
    return small(int(text, 16))


def small(number: int) -> int:
    """The number itself.

    Raises:
        ValueError: it is negative, or larger than any that is meant.
    """
    if not 0 <= number <= LARGEST:
        raise ValueError(f"{number} is beyond anything real")
    return number


def split(data: bytes, count: int) -> list[int]:
    """Exactly so many words, as numbers.

    Raises:
        ValueError: the data has another size.
    """
    if len(data) != WORD * count:
        raise ValueError(f"{len(data)} bytes, not {count} words")
    return [int.from_bytes(data[at : at + WORD], "big") for at in range(0, len(data), WORD)]


def address_of(number: int) -> bytes:
    """The address in a word.

    Raises:
        ValueError: the word is more than an address.
    """
    if number >> (8 * ADDRESS):
        raise ValueError("a word that is more than an address")
    return number.to_bytes(ADDRESS, "big")
