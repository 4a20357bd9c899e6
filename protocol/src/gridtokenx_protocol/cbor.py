"""Deterministic CBOR maps (RFC 8949, 4.2.1) of integers, text, bytes, booleans, null and lists.

This is done here and not by a general library: its decoder would evaluate tags before they
could be refused (a regular expression of a few kilobytes takes seconds), and accept several
encodings of one value; and a device needs one library less, which is compiled.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

from gridtokenx_protocol.errors import Malformed

CborMap: TypeAlias = dict[Any, Any]
"""Keys are all text or all non-negative integers."""

_MAX_DEPTH = 8
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_SIMPLE_VALUES = {20: False, 21: True, 22: None}
_SIMPLE_ARGUMENTS = {value: argument for argument, value in _SIMPLE_VALUES.items()}
_ARGUMENT_SIZES = {24: 1, 25: 2, 26: 4, 27: 8}


def encode_map(value: Mapping[Any, Any]) -> bytes:
    """Encode a map in its one accepted form.

    Raises:
        Malformed: The map holds something that ``decode_map`` would refuse.
    """
    data = _encode(value, depth=0)
    decode_map(data)
    return data


def decode_map(data: bytes) -> CborMap:
    """Decode a map; ``encode_map(decode_map(data)) == data`` for all that is accepted.

    Raises:
        Malformed: Not a map, not deterministic, not complete, or with bytes after it.
    """
    reader = _Reader(data)
    value = reader.value(depth=0)
    if not isinstance(value, dict):
        raise Malformed("expected a CBOR map")
    if reader.offset != len(data):
        raise Malformed("bytes follow the CBOR map")
    return value


def encode_unsigned(value: int) -> bytes:
    """Encode one non-negative integer, for those who write a map of fixed shape themselves.

    Raises:
        Malformed: It has more than 64 bits.
    """
    return _head(_UNSIGNED, value)


def _encode(value: Any, depth: int) -> bytes:
    if depth > _MAX_DEPTH:
        raise _too_deep()
    match value:
        case None | bool():
            return _head(_SIMPLE, _SIMPLE_ARGUMENTS[value])
        case int():
            return _head(_UNSIGNED, value) if value >= 0 else _head(_NEGATIVE, -1 - value)
        case bytes():
            return _head(_BYTES, len(value)) + value
        case str():
            text = value.encode(errors="surrogatepass")  # which is then refused as not UTF-8
            return _head(_TEXT, len(text)) + text
        case list() | tuple():
            return _head(_ARRAY, len(value)) + b"".join(_encode(v, depth + 1) for v in value)
        case Mapping():
            pairs = ((_encode(k, depth + 1), _encode(v, depth + 1)) for k, v in value.items())
            return _head(_MAP, len(value)) + b"".join(k + v for k, v in sorted(pairs))
    raise Malformed(f"cannot be encoded as CBOR: {type(value).__name__}")


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes((major << 5 | argument,))
    for info, size in _ARGUMENT_SIZES.items():
        if argument < 1 << 8 * size:
            return bytes((major << 5 | info,)) + argument.to_bytes(size, "big")
    raise Malformed("cannot be encoded as CBOR: an integer of more than 64 bits")


def _too_deep() -> Malformed:
    return Malformed(f"CBOR is nested deeper than {_MAX_DEPTH}")


class _Reader:
    """Reads values one after another from ``data``."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.offset = 0

    def value(self, depth: int) -> Any:
        """The next value, whatever its type."""
        if depth > _MAX_DEPTH:
            raise _too_deep()
        major, argument = self._head()
        if major in (_UNSIGNED, _NEGATIVE):
            return argument if major == _UNSIGNED else -1 - argument
        if major == _BYTES:
            return self._take(argument)
        if major == _TEXT:
            return self._text(argument)
        if major == _ARRAY:
            return [self.value(depth + 1) for _ in range(argument)]
        if major == _MAP:
            return self._map(argument, depth)
        if major == _SIMPLE and argument in _SIMPLE_VALUES:
            return _SIMPLE_VALUES[argument]
        raise Malformed("CBOR tags, floats and other simple values are not accepted")

    def _head(self) -> tuple[int, int]:
        first = self._take(1)[0]
        major, info = first >> 5, first & 0x1F
        if info < 24:
            return major, info
        if info > 27:
            raise Malformed("CBOR of indefinite length is not accepted")
        size = _ARGUMENT_SIZES[info]
        argument = int.from_bytes(self._take(size), "big")
        if argument < (24 if size == 1 else 1 << (4 * size)):
            raise Malformed("a CBOR argument is not in its shortest form")
        return major, argument

    def _take(self, size: int) -> bytes:
        taken = self.data[self.offset : self.offset + size]
        if len(taken) != size:
            raise Malformed("CBOR ends too early")
        self.offset += size
        return taken

    def _text(self, size: int) -> str:
        try:
            return self._take(size).decode()
        except UnicodeDecodeError as error:
            raise Malformed("CBOR text is not UTF-8") from error

    def _map(self, size: int, depth: int) -> CborMap:
        result: CborMap = {}
        previous = b""
        for _ in range(size):
            start = self.offset
            key = self.value(depth + 1)
            encoded = self.data[start : self.offset]
            major = encoded[0] >> 5
            if major not in (_UNSIGNED, _TEXT) or (previous and previous[0] >> 5 != major):
                raise Malformed("CBOR keys are all text or all non-negative integers")
            if encoded <= previous:
                raise Malformed("CBOR keys are not in order, or one is there twice")
            result[key] = self.value(depth + 1)
            previous = encoded
        return result
