"""One program: its address, its built ELF file, and a client made from its IDL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from gridtokenx_programs.codec import Codec
from gridtokenx_programs.errors import (
    BadDataError,
    MissingNameError,
    UnknownNameError,
    UnknownProgramError,
)
from gridtokenx_programs.idl import Idl, IdlError, InstructionSpec, Struct, parse_idl

PROGRAM_NAMES = ("registry", "energy_token", "trading")
# Anchor's tag of an event sent by self-CPI: SHA-256 of "anchor:event", read little-endian.
EVENT_TAG = bytes.fromhex("e445a52e51cb9a1d")
EVENT_AUTHORITY_SEED = b"__event_authority"
DISCRIMINATOR_SIZE = 8


@dataclass(frozen=True, slots=True)
class Event:
    """An event that a program emitted: its name in the IDL, and its fields."""

    name: str
    data: dict[str, Any]


class Program:
    """A deployed program, spoken to in the words of its IDL.

    Values: `int` for integers, `Pubkey`, `bytes` for `[u8; n]`, a variant's name for an enum.
    """

    def __init__(self, idl: Idl, address: Pubkey) -> None:
        self.id = address
        self.idl = idl
        self._codec = Codec(idl.types)
        self._own_accounts = {
            "program": address,
            "event_authority": Pubkey.find_program_address([EVENT_AUTHORITY_SEED], address)[0],
        }

    @property
    def event_authority(self) -> Pubkey:
        """The PDA that signs this program's events."""
        return self._own_accounts["event_authority"]

    def elf(self) -> bytes:
        """The built program, ready to deploy."""
        return (files(__package__) / "elf" / f"{self.idl.name}.so").read_bytes()

    def instruction(
        self, name: str, args: Mapping[str, Any], accounts: Mapping[str, Pubkey]
    ) -> Instruction:
        """Make an instruction.

        Args:
            name: the instruction's name in the IDL.
            args: its arguments by name.
            accounts: its accounts by name. Those with a fixed address, `event_authority` and
                `program` are filled in where they are not given.

        Raises:
            UnknownNameError, MissingNameError: a name that the IDL lacks, or requires.
            BadValueError: an argument that its type cannot hold.
        """
        spec = self.idl.instructions.get(name)
        if spec is None:
            raise UnknownNameError(
                f"{self.idl.name} has no instruction {name!r}, only {sorted(self.idl.instructions)}"
            )
        roles = {role.name for role in spec.accounts}
        if unknown := accounts.keys() - roles:
            raise UnknownNameError(f"{name} has no account {sorted(unknown)}")
        metas = []
        for role in spec.accounts:
            address = accounts.get(role.name) or role.address or self._own_accounts.get(role.name)
            if address is None:
                missing = sorted(roles - accounts.keys() - self._own_accounts.keys())
                raise MissingNameError(f"{name} also needs an account {role.name!r} of {missing}")
            metas.append(AccountMeta(address, is_signer=role.signer, is_writable=role.writable))
        data = spec.discriminator + self._codec.encode_struct(spec.arguments, args)
        return Instruction(self.id, data, metas)

    def decode_instruction(self, data: bytes) -> tuple[InstructionSpec, dict[str, Any]] | None:
        """An instruction of this program with its arguments; None when it has no such one.

        Raises:
            BadDataError: it has, but these are not its arguments.
        """
        for spec in self.idl.instructions.values():
            if data[:DISCRIMINATOR_SIZE] == spec.discriminator:
                values = self._codec.decode_struct(spec.arguments, data[DISCRIMINATOR_SIZE:])
                return spec, values
        return None

    def account_type(self, data: bytes) -> str | None:
        """The name of the type of account that begins so; None for none of this program's."""
        begins = data[:DISCRIMINATOR_SIZE]
        types = self.idl.account_discriminators.items()
        return next((name for name, discriminator in types if discriminator == begins), None)

    def encode_account(self, name: str, values: Mapping[str, Any]) -> bytes:
        """Data of an account of this program, as the program writes it."""
        return self.account_discriminator(name) + self._codec.encode_struct(
            self._struct(name), values
        )

    def decode_account(self, name: str, data: bytes) -> dict[str, Any]:
        """Fields of an account of this program.

        Raises:
            BadDataError: the data is of another account type, or not whole.
        """
        expected = self.account_discriminator(name)
        if data[:DISCRIMINATOR_SIZE] != expected:
            raise BadDataError(
                f"not a {self.idl.name} {name}: begins with {data[:DISCRIMINATOR_SIZE].hex()}"
            )
        return self._codec.decode_struct(self._struct(name), data[DISCRIMINATOR_SIZE:])

    def decode_event(self, inner_instruction_data: bytes) -> Event | None:
        """The event in an inner instruction's data; None when it is not one of this program's.

        The caller checks that the inner instruction was addressed to this program: only the
        program itself can call it so.

        Raises:
            BadDataError: one of this program's events, but not whole.
        """
        tag, rest = inner_instruction_data[:8], inner_instruction_data[8:]
        name = self.idl.event_names.get(rest[:DISCRIMINATOR_SIZE])
        if tag != EVENT_TAG or name is None:
            return None
        return Event(name, self._codec.decode_struct(self._struct(name), rest[DISCRIMINATOR_SIZE:]))

    def error(self, code: int) -> IdlError | None:
        """The program's own error of that code; None for a code that is not in its IDL."""
        return self.idl.errors.get(code)

    def account_discriminator(self, name: str) -> bytes:
        """The 8 bytes with which an account of this type begins."""
        try:
            return self.idl.account_discriminators[name]
        except KeyError:
            known = sorted(self.idl.account_discriminators)
            raise UnknownNameError(
                f"{self.idl.name} has no account type {name!r}, only {known}"
            ) from None

    def _struct(self, name: str) -> Struct:
        struct = self.idl.types[name]
        if not isinstance(struct, Struct):
            raise UnknownNameError(f"{name} is an enum, not an account or event")
        return struct


@cache
def load(name: str, address: Pubkey | None = None) -> Program:
    """The program `registry`, `energy_token` or `trading`.

    Args:
        name: which program.
        address: where it is deployed, when that is not the address in its IDL.
    """
    if name not in PROGRAM_NAMES:
        raise UnknownProgramError(f"there is no program {name!r}, only {PROGRAM_NAMES}")
    idl = parse_idl((files(__package__) / "idl" / f"{name}.json").read_text())
    return Program(idl, address or idl.address)
