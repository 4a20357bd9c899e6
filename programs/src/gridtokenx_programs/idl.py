"""An Anchor IDL (spec 0.1.0), read into types."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from solders.pubkey import Pubkey

SPEC = "0.1.0"


@dataclass(frozen=True, slots=True)
class Primitive:
    """A fixed-size value of one word: an integer, `bool` or `pubkey`."""

    name: str


@dataclass(frozen=True, slots=True)
class ByteArray:
    """`[u8; length]`."""

    length: int


@dataclass(frozen=True, slots=True)
class Array:
    """`[element; length]` of another element: a tuple."""

    element: Primitive
    length: int


@dataclass(frozen=True, slots=True)
class Defined:
    """A struct or enum from the IDL's `types`."""

    name: str


Type = Primitive | ByteArray | Array | Defined


@dataclass(frozen=True, slots=True)
class Field:
    """A named value of an instruction, account, event or struct."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Struct:
    """Fields one after the other, without padding."""

    name: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Enum:
    """Variants without fields, one byte on the wire."""

    name: str
    variants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccountRole:
    """One account of an instruction: its name, its rights, and its address when it is fixed."""

    name: str
    writable: bool
    signer: bool
    address: Pubkey | None


@dataclass(frozen=True, slots=True)
class InstructionSpec:
    """An instruction's arguments and accounts, in their order on the wire."""

    name: str
    discriminator: bytes
    arguments: Struct
    accounts: tuple[AccountRole, ...]


@dataclass(frozen=True, slots=True)
class IdlError:
    """An error that the program returns by its code."""

    code: int
    name: str
    msg: str


@dataclass(frozen=True, slots=True)
class Idl:
    """A whole IDL, indexed by name (types, instructions, accounts), discriminator or code."""

    name: str
    address: Pubkey
    instructions: dict[str, InstructionSpec]
    account_discriminators: dict[str, bytes]
    event_names: dict[bytes, str]
    errors: dict[int, IdlError]
    types: dict[str, Struct | Enum]


def discriminator(namespace: str, name: str) -> bytes:
    """First 8 bytes of SHA-256 of `namespace:name` (Anchor's convention)."""
    return hashlib.sha256(f"{namespace}:{name}".encode()).digest()[:8]


def parse_idl(text: str) -> Idl:
    """Read an IDL file of spec 0.1.0."""
    source = json.loads(text)
    return Idl(
        name=source["metadata"]["name"],
        address=Pubkey.from_string(source["address"]),
        instructions={item["name"]: _instruction(item) for item in source["instructions"]},
        account_discriminators={
            item["name"]: bytes(item["discriminator"]) for item in source["accounts"]
        },
        event_names={bytes(item["discriminator"]): item["name"] for item in source["events"]},
        errors={item["code"]: IdlError(**item) for item in source["errors"]},
        types={item["name"]: _defined(item) for item in source["types"]},
    )


def _instruction(source: dict[str, Any]) -> InstructionSpec:
    return InstructionSpec(
        name=source["name"],
        discriminator=bytes(source["discriminator"]),
        arguments=Struct(source["name"], _fields(source["args"])),
        accounts=tuple(_role(account) for account in source["accounts"]),
    )


def _role(source: dict[str, Any]) -> AccountRole:
    address = source.get("address")
    return AccountRole(
        name=source["name"],
        writable=source.get("writable", False),
        signer=source.get("signer", False),
        address=Pubkey.from_string(address) if address else None,
    )


def _defined(source: dict[str, Any]) -> Struct | Enum:
    name, body = source["name"], source["type"]
    if body["kind"] == "enum":
        return Enum(name, tuple(variant["name"] for variant in body["variants"]))
    return Struct(name, _fields(body["fields"]))


def _fields(source: list[dict[str, Any]]) -> tuple[Field, ...]:
    return tuple(Field(item["name"], _type(item["type"])) for item in source)


def _type(source: str | dict[str, Any]) -> Type:
    match source:
        case str():
            return Primitive(source)
        case {"array": ["u8", int() as length]}:
            return ByteArray(length)
        case {"array": [str() as element, int() as length]}:
            return Array(Primitive(element), length)
        case {"defined": {"name": str() as name}}:
            return Defined(name)
    raise ValueError(f"this IDL type is not used by our programs: {source}")
