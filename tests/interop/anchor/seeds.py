"""Addresses that a client can work out from an IDL's seeds alone."""

from collections.abc import Mapping
from typing import Any

from solders.pubkey import Pubkey

from .described import Call
from .values import INTEGERS, Json


def derivable(call: Call) -> dict[str, Pubkey]:
    """The accounts of an instruction that need not be given, with their addresses.

    Raises:
        StopIteration, KeyError: seeds that name an account or argument that there is not.
    """
    described = call.program.instruction(call.name)
    accounts = {**call.accounts}
    waiting = [item for item in described["accounts"] if "pda" in item and _is_offline(item["pda"])]
    found = call.program.own_accounts(call.name)
    for item in waiting:
        accounts.pop(item["name"], None)
    while waiting:
        item = next(item for item in waiting if _needs(item["pda"]) <= accounts.keys())
        waiting.remove(item)
        address = _derive(call, item["pda"], accounts)
        accounts[item["name"]] = found[item["name"]] = address
    return found


def _is_offline(pda: Json) -> bool:
    """Whether no account has to be read for it."""
    return not any(seed["kind"] == "account" and "." in seed["path"] for seed in pda["seeds"])


def _needs(pda: Json) -> set[str]:
    program = [pda["program"]] if "program" in pda else []
    return {seed["path"] for seed in [*pda["seeds"], *program] if seed["kind"] == "account"}


def _derive(call: Call, pda: Json, accounts: Mapping[str, Pubkey]) -> Pubkey:
    seeds = [_bytes(call, seed, accounts) for seed in pda["seeds"]]
    owner = bytes(call.program.client.id)
    if "program" in pda:
        owner = _bytes(call, pda["program"], accounts)
    return Pubkey.find_program_address(seeds, Pubkey(owner))[0]


def _bytes(call: Call, seed: Json, accounts: Mapping[str, Pubkey]) -> bytes:
    match seed["kind"]:
        case "const":
            return bytes(seed["value"])
        case "account":
            return bytes(accounts[seed["path"]])
    arguments = call.program.instruction(call.name)["args"]
    kind = next(item["type"] for item in arguments if item["name"] == seed["path"])
    return _argument(kind, call.args[seed["path"]])


def _argument(kind: Json, value: Any) -> bytes:
    if isinstance(kind, str) and kind in INTEGERS:
        bits, signed = INTEGERS[kind]
        return int(value).to_bytes(bits // 8, "little", signed=signed)
    return bytes(value)
