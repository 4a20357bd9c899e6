"""Borsh bytes to Python values and back, as an IDL describes them.

Integers are `int`, `pubkey` is `Pubkey`, `[u8; n]` is `bytes`, another array is a tuple, an enum is
its variant's name, a struct is a `dict`. Only one byte form is accepted and nothing may follow it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from solders.pubkey import Pubkey

from gridtokenx_programs.errors import (
    BadDataError,
    BadValueError,
    MissingNameError,
    UnknownNameError,
)
from gridtokenx_programs.idl import Array, ByteArray, Defined, Enum, Primitive, Struct, Type

PUBKEY_SIZE = 32
INTEGERS = {
    f"{sign}{bits}": (bits // 8, sign == "i") for sign in ("u", "i") for bits in (8, 16, 32, 64)
}


class Codec:
    """Encodes and decodes the types of one IDL."""

    def __init__(self, types: Mapping[str, Struct | Enum]) -> None:
        self._types = types

    def encode_struct(self, struct: Struct, values: Mapping[str, Any]) -> bytes:
        """Bytes of a struct's fields in the IDL's order.

        Raises:
            MissingNameError: a field was not given.
            UnknownNameError: a name that is not a field.
            BadValueError: a value that its type cannot hold.
        """
        names = {field.name for field in struct.fields}
        if unknown := values.keys() - names:
            raise UnknownNameError(f"{struct.name} has no {sorted(unknown)}, only {sorted(names)}")
        if missing := names - values.keys():
            raise MissingNameError(f"{struct.name} also needs {sorted(missing)}")
        return b"".join(
            self._encode(field.type, values[field.name], f"{struct.name}.{field.name}")
            for field in struct.fields
        )

    def decode_struct(self, struct: Struct, data: bytes) -> dict[str, Any]:
        """Values of a struct that fills `data` exactly.

        Raises:
            BadDataError: `data` is too short or too long, or holds an impossible value.
        """
        values, end = self._decode_fields(struct, data, 0)
        if end != len(data):
            raise BadDataError(f"{struct.name} is {end} bytes, not {len(data)}")
        return values

    def _encode(self, kind: Type, value: Any, where: str) -> bytes:
        match kind:
            case Primitive(name):
                return _encode_primitive(name, value, where)
            case ByteArray(length):
                if not isinstance(value, bytes) or len(value) != length:
                    raise BadValueError(f"{where} must be {length} bytes, not {value!r}")
                return value
            case Array(element, length):
                if not isinstance(value, Sequence) or len(value) != length:
                    raise BadValueError(f"{where} must be {length} values, not {value!r}")
                return b"".join(self._encode(element, item, where) for item in value)
            case Defined(name):
                return self._encode_defined(self._types[name], value, where)

    def _encode_defined(self, kind: Struct | Enum, value: Any, where: str) -> bytes:
        if isinstance(kind, Enum):
            if value not in kind.variants:
                raise BadValueError(f"{where} must be one of {kind.variants}, not {value!r}")
            return bytes([kind.variants.index(value)])
        if not isinstance(value, Mapping):
            raise BadValueError(f"{where} must be a mapping, not {value!r}")
        return self.encode_struct(kind, value)

    def _decode_fields(
        self, struct: Struct, data: bytes, offset: int
    ) -> tuple[dict[str, Any], int]:
        values = {}
        for field in struct.fields:
            where = f"{struct.name}.{field.name}"
            values[field.name], offset = self._decode(field.type, data, offset, where)
        return values, offset

    def _decode(self, kind: Type, data: bytes, offset: int, where: str) -> tuple[Any, int]:
        match kind:
            case Primitive(name):
                size = _primitive_size(name)
                return _decode_primitive(name, _slice(data, offset, size, where), where), (
                    offset + size
                )
            case ByteArray(length):
                return _slice(data, offset, length, where), offset + length
            case Array(element, length):
                items = []
                for _ in range(length):
                    item, offset = self._decode(element, data, offset, where)
                    items.append(item)
                return tuple(items), offset
            case Defined(name):
                return self._decode_defined(self._types[name], data, offset, where)

    def _decode_defined(
        self, kind: Struct | Enum, data: bytes, offset: int, where: str
    ) -> tuple[Any, int]:
        if isinstance(kind, Struct):
            return self._decode_fields(kind, data, offset)
        index = _slice(data, offset, 1, where)[0]
        if index >= len(kind.variants):
            raise BadDataError(f"{where}: {kind.name} has no variant {index}")
        return kind.variants[index], offset + 1


def _slice(data: bytes, offset: int, size: int, where: str) -> bytes:
    part = data[offset : offset + size]
    if len(part) != size:
        raise BadDataError(f"{where} needs {size} bytes at {offset}; the data ends at {len(data)}")
    return part


def _primitive_size(name: str) -> int:
    if name in INTEGERS:
        return INTEGERS[name][0]
    return {"bool": 1, "pubkey": PUBKEY_SIZE}[name]


def _encode_primitive(name: str, value: object, where: str) -> bytes:
    if name == "pubkey" and isinstance(value, Pubkey):
        return bytes(value)
    if name == "bool" and isinstance(value, bool):
        return bytes([value])
    if name in INTEGERS and isinstance(value, int) and not isinstance(value, bool):
        size, signed = INTEGERS[name]
        try:
            return value.to_bytes(size, "little", signed=signed)
        except OverflowError as error:
            raise BadValueError(f"{where} must fit {name}, not {value}") from error
    raise BadValueError(f"{where} must be a {name}, not {value!r}")


def _decode_primitive(name: str, data: bytes, where: str) -> int | bool | Pubkey:
    if name == "pubkey":
        return Pubkey(data)
    if name == "bool":
        if data[0] > 1:
            raise BadDataError(f"{where}: {data[0]} is not a bool")
        return data[0] == 1
    return int.from_bytes(data, "little", signed=INTEGERS[name][1])
