"""Random events of the programs about few meters, wallets and orders, so that they meet."""

import hashlib
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st
from solders.pubkey import Pubkey
from tests.hub.onchain import PROGRAMS

from gridtokenx_hub.indexer.events import ChainEvent
from gridtokenx_hub.indexer.handlers import HANDLERS
from gridtokenx_programs.idl import Array, ByteArray, Defined, Field, Primitive, Struct

THINGS = 2
OUTBOX_SEQUENCES = range(1, 5)
MADE = {
    "MeterRegistered": ("meter_id",),
    "OrderCreated": ("order",),
    "OfferCreated": ("offer",),
    "Reserved": ("reservation",),
}
"""What an event makes: no event of a program makes it a second time."""
NEEDED = {"Reserved": "order"}
"""What an event refers to: the programs see to it that it is there."""
FEW = {
    "algorithm": (0, 1),
    "previous_algorithm": (0, 1),
    "payment_method": (0, 1),
    "status": (0, 3, 4, 5),
}
"""Numbers that stand for something."""
VARIANTS = {"UserType": ("Prosumer", "Consumer")}

Draws = Sequence[tuple[str, int, int]]


def draws(program: str) -> st.SearchStrategy[Draws]:
    """The name of each event, which thing it is about, and what its numbers come from."""
    names = [name for name, handler in HANDLERS[program].items() if handler is not None]
    return st.lists(
        st.tuples(st.sampled_from(names), st.integers(0, THINGS - 1), st.integers(0, 2**16)),
        min_size=20,
        max_size=80,
    )


def events(program: str, drawn: Draws) -> list[ChainEvent]:
    """The events that were drawn, without those that the program could not have sent."""
    sent: list[ChainEvent] = []
    there: set[object] = set()
    for name, thing, number in drawn:
        struct = PROGRAMS[program].idl.types[name]
        assert isinstance(struct, Struct)
        data = {field.name: value(field, thing, number) for field in struct.fields} | {
            "sequence": len(sent) + 1
        }
        if name in {"OrderCreated", "OfferCreated"}:
            data["number"] = len(sent) + 1
        if name.startswith("Meter") and "record_hash" in data:
            data["reading_sequence"] = number % (len(OUTBOX_SEQUENCES) + 2)
            if number % 5:
                data["record_hash"] = hashlib.sha256(
                    outbox_record(data["meter_id"], data["reading_sequence"])
                ).digest()
        made = {data[key] for key in MADE.get(name, ())}
        if made & there or (name in NEEDED and data[NEEDED[name]] not in there):
            continue
        there |= made
        sent.append(ChainEvent(program, len(sent) + 1, 1, f"tx{number % 7}", name, data, True))
    return sent


def value(field: Field, thing: int, number: int) -> Any:
    """A value of the field's type; addresses and meters are of the thing, all else is random."""
    seed = hashlib.sha256(f"{field.name} {number}".encode()).digest()
    match field.type:
        case ByteArray(length):
            return meter_id(thing) if field.name == "meter_id" else (seed * 2)[:length]
        case Array(_, length):
            return (Pubkey(seed),) * length
        case Defined(name):
            return VARIANTS.get(name, ("Authority", "Authority"))[seed[0] % 2]
        case Primitive("pubkey"):
            return Pubkey(hashlib.sha256(f"{field.name} {thing}".encode()).digest())
    few = FEW.get(field.name)
    return few[seed[0] % len(few)] if few else int.from_bytes(seed[:4], "little")


def meter_id(thing: int) -> bytes:
    """The id of the meter of a thing."""
    return bytes([thing]) * 16


def outbox_record(meter: bytes, sequence: int) -> bytes:
    """The record that the outbox has of a meter's reading."""
    return hashlib.sha256(meter + bytes([sequence])).digest().ljust(120, b"\0")
