"""Zstandard frames; that real decoders read them shows in tests/interop/solana_cli."""

import pytest

from gridtokenx_hub.local_chain.zstd import stored

BLOCK = 128 * 1024


@pytest.mark.parametrize(
    ("content", "frame"),
    [
        (b"", "28b52ffda000000000010000"),
        (b"abc", "28b52ffda003000000190000616263"),
    ],
)
def test_a_frame(content: bytes, frame: str) -> None:
    """Magic, descriptor, size of the content, then a last raw block; checked with zstd 1.5."""
    assert stored(content).hex() == frame


@pytest.mark.parametrize("size", [BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_long_content_is_in_several_blocks(size: int) -> None:
    content = bytes(range(251)) * (size // 251 + 1)
    frame, found, is_last = stored(content[:size])[9:], b"", False
    while not is_last:
        header = int.from_bytes(frame[:3], "little")
        is_last, kind, length = bool(header & 1), header >> 1 & 3, header >> 3
        assert (kind, length <= BLOCK) == (0, True)
        found, frame = found + frame[3 : 3 + length], frame[3 + length :]
    assert (found, frame) == (content[:size], b"")
