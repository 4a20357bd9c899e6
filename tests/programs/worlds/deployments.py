"""Deployments that a chain begins with: each test takes one that nobody has used.

A program has no address built in, so that one file serves at any number of them.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from solders.pubkey import Pubkey

from gridtokenx_programs import PROGRAM_NAMES, Program, load
from gridtokenx_programs.program import EVENT_AUTHORITY_SEED

CALLER = Pubkey(hashlib.sha256(b"caller").digest())
CALLER_ELF = Path(__file__).parents[1] / "caller" / "caller.so"
UPGRADEABLE_LOADER = "BPFLoaderUpgradeab1e11111111111111111111111"


SEEDS = {
    "registry": [b"config"],
    "energy_token": [b"config", b"energy_mint", b"grx_mint"],
    "trading": [b"market", b"price", b"guardians"],
}


def deployment(number: int) -> tuple[Program, ...]:
    """The three programs of a deployment."""
    found = zip(PROGRAM_NAMES, addresses(number), strict=True)
    return tuple(load(name, address) for name, address in found)


def addresses(number: int) -> list[Pubkey]:
    """Where the programs of a deployment are.

    A lower bump of an address costs compute units. Of these programs' own addresses each has the
    highest, so that what instructions cost is compared with the same bars everywhere.
    """
    found = []
    for name in PROGRAM_NAMES:
        tries = (_address(f"{name} {number} {again}") for again in itertools.count())
        seeds = [*SEEDS[name], EVENT_AUTHORITY_SEED]
        found.append(next(a for a in tries if all(_has_highest_bump(a, seed) for seed in seeds)))
    return found


def _has_highest_bump(program: Pubkey, seed: bytes) -> bool:
    derived = seed + b"\xff" + bytes(program) + b"ProgramDerivedAddress"
    return not Pubkey(hashlib.sha256(derived).digest()).is_on_curve()


def programs(folder: Path, numbers: Iterable[int]) -> list[tuple[Pubkey, Path]]:
    """Where each program of these deployments is, and the file with its code, in `folder`."""
    found = [(CALLER, CALLER_ELF)]
    files = [folder / f"{name}.so" for name in PROGRAM_NAMES]
    for file, name in zip(files, PROGRAM_NAMES, strict=True):
        file.write_bytes(load(name).elf())
    for number in numbers:
        found += zip(addresses(number), files, strict=True)
    return found


def write_accounts(folder: Path, placed: Sequence[tuple[Pubkey, Path]]) -> None:
    """Write accounts for a validator's genesis: many programs that share their code's account.

    The loader's own layout: a program is a tag and the address of its data, and that is a tag,
    a slot, no authority to change it, and the ELF file.
    """
    for file in {file for _, file in placed}:
        head = b"\3\0\0\0" + bytes(8) + bytes(33)
        _write(folder, _address(file.name), head + file.read_bytes(), executable=False)
    for address, file in placed:
        _write(folder, address, b"\2\0\0\0" + bytes(_address(file.name)), executable=True)


def _write(folder: Path, address: Pubkey, data: bytes, *, executable: bool) -> None:
    account = {
        "lamports": 10 * len(data) * 10**6,
        "data": [base64.b64encode(data).decode(), "base64"],
        "owner": UPGRADEABLE_LOADER,
        "executable": executable,
        "rentEpoch": 0,
    }
    text = json.dumps({"pubkey": str(address), "account": account})
    (folder / f"{address}.json").write_text(text)


def _address(name: str) -> Pubkey:
    return Pubkey(hashlib.sha256(name.encode()).digest())
