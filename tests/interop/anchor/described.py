"""Our programs as their IDLs describe them, and made-up instances of everything in an IDL."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Any

from solders.instruction import Instruction
from solders.pubkey import Pubkey
from tests.interop import programs

from gridtokenx_programs import Event, Program
from gridtokenx_programs.idl import discriminator
from gridtokenx_programs.program import EVENT_TAG

from .values import Json, Maker, tagged


@dataclass(frozen=True)
class Call:
    """An instruction with values for all that it takes."""

    program: "Described"
    name: str
    args: Mapping[str, Any]
    accounts: Mapping[str, Pubkey]

    def build(self) -> Instruction:
        """As our client makes it."""
        return self.program.client.instruction(self.name, self.args, self.accounts)

    def job(self, without: frozenset[str] = frozenset()) -> Json:
        """As another client is told it."""
        types, described = self.program.types, self.program.instruction(self.name)
        return {
            "program": self.program.name,
            "instruction": self.name,
            "args": [
                tagged(types, item["type"], self.args[item["name"]]) for item in described["args"]
            ],
            "accounts": {
                name: str(address)
                for name, address in {
                    **self.program.own_accounts(self.name),
                    **self.accounts,
                }.items()
                if name not in without
            },
        }


class Described:
    """One program: its IDL as the file has it, and our client of it."""

    def __init__(self, name: str, client: Program) -> None:
        self.name, self.client = name, client
        self.idl: Json = json.loads(
            (files("gridtokenx_programs") / "idl" / f"{name}.json").read_text()
        )
        self.types = {item["name"]: item["type"] for item in self.idl["types"]}

    @cached_property
    def instruction_names(self) -> list[str]:
        return [item["name"] for item in self.idl["instructions"]]

    def instruction(self, name: str) -> Json:
        return next(item for item in self.idl["instructions"] if item["name"] == name)

    def fields(self, name: str) -> list[Json]:
        """Fields of an account or event."""
        fields: list[Json] = self.types[name]["fields"]
        return fields

    def own_accounts(self, instruction: str) -> dict[str, Pubkey]:
        """The accounts whose addresses the program or its IDL fixes."""
        accounts = self.instruction(instruction)["accounts"]
        fixed = {
            item["name"]: Pubkey.from_string(item["address"])
            for item in accounts
            if "address" in item
        }
        own = {"event_authority": self.client.event_authority, "program": self.client.id}
        return fixed | {item["name"]: own[item["name"]] for item in accounts if item["name"] in own}

    def made_up_call(self, name: str) -> Call:
        """An instruction with random values and addresses, the same ones each time."""
        described = self.instruction(name)
        maker = Maker(self.types, f"{self.name} {name}")
        args = maker.fields(described["args"])
        own = self.own_accounts(name)
        free = [item["name"] for item in described["accounts"] if item["name"] not in own]
        return Call(self, name, args, {account: maker.pubkey() for account in free})

    def made_up_values(self, name: str) -> dict[str, Any]:
        """Random fields of an account or event, the same ones each time."""
        return Maker(self.types, f"{self.name} {name}").fields(self.fields(name))

    def event_data(self, event: Event) -> bytes:
        """The inner instruction by which the program emits an event."""
        kind = self.client.idl.types[event.name]
        values = self.client._codec.encode_struct(kind, event.data)  # type: ignore[arg-type]
        return EVENT_TAG + discriminator("event", event.name) + values


PROGRAMS = {name: Described(name, client) for name, client in programs.PROGRAMS.items()}
