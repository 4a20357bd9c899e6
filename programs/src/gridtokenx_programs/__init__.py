"""The GridTokenX programs on Solana: built ELF files, IDLs, and a client made from them."""

from gridtokenx_programs.addresses import Addresses
from gridtokenx_programs.errors import (
    BadDataError,
    BadValueError,
    MissingNameError,
    ProgramClientError,
    UnknownNameError,
    UnknownProgramError,
)
from gridtokenx_programs.idl import IdlError
from gridtokenx_programs.precompiles import signature_instruction
from gridtokenx_programs.program import PROGRAM_NAMES, Event, Program, load
from gridtokenx_programs.tokens import create_associated_token

__all__ = [
    "PROGRAM_NAMES",
    "Addresses",
    "BadDataError",
    "BadValueError",
    "Event",
    "IdlError",
    "MissingNameError",
    "Program",
    "ProgramClientError",
    "UnknownNameError",
    "UnknownProgramError",
    "create_associated_token",
    "load",
    "signature_instruction",
]
