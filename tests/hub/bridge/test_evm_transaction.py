"""RLP by the examples of the Ethereum wiki."""

import pytest

from gridtokenx_hub.bridge.evm_transaction import Item, rlp

LOREM = b"Lorem ipsum dolor sit amet, consectetur adipisicing elit"


@pytest.mark.parametrize(
    ("item", "encoded"),
    [
        (b"dog", b"\x83dog"),
        ([b"cat", b"dog"], b"\xc8\x83cat\x83dog"),
        (b"", b"\x80"),
        ([], b"\xc0"),
        (0, b"\x80"),
        (b"\x00", b"\x00"),
        (15, b"\x0f"),
        (1024, b"\x82\x04\x00"),
        ([[], [[]], [[], [[]]]], bytes([0xC7, 0xC0, 0xC1, 0xC0, 0xC3, 0xC0, 0xC1, 0xC0])),
        (LOREM, b"\xb8\x38" + LOREM),
        ([LOREM], b"\xf8\x3a\xb8\x38" + LOREM),
        (b"a" * 1024, b"\xb9\x04\x00" + b"a" * 1024),
    ],
)
def test_rlp(item: Item, encoded: bytes) -> None:
    assert rlp(item) == encoded
