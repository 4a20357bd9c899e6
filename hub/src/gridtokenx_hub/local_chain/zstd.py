"""Zstandard frames (RFC 8878) that hold their content as it is.

`solana` and other clients ask for accounts compressed. Here both ends are on one machine: there is
nothing to save, and any decoder takes a frame of raw blocks.
"""

import struct

_MAGIC = 0xFD2FB528
_SIZE_OF_FOUR_BYTES, _SINGLE_SEGMENT = 0x80, 0x20
_MAX_BLOCK_BYTES = 128 * 1024
_LAST_BLOCK, _SIZE_SHIFT = 1, 3  # a raw block's type, between the two, is 0


def stored(content: bytes) -> bytes:
    """A frame whose blocks are `content`, not compressed."""
    parts = [struct.pack("<IBI", _MAGIC, _SIZE_OF_FOUR_BYTES | _SINGLE_SEGMENT, len(content))]
    # At least one block, even of nothing: the frame ends with the last one.
    for start in range(0, max(1, len(content)), _MAX_BLOCK_BYTES):
        block = content[start : start + _MAX_BLOCK_BYTES]
        is_last = start + _MAX_BLOCK_BYTES >= len(content)
        header = len(block) << _SIZE_SHIFT | (_LAST_BLOCK if is_last else 0)
        parts += [header.to_bytes(3, "little"), block]
    return b"".join(parts)
