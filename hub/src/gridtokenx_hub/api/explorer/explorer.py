"""Transactions and accounts of the chain, decoded by the programs' IDLs."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from solders.pubkey import Pubkey
from solders.token.state import Mint, TokenAccount

from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.explorer.models import (
    NamedAccount,
    ShownAccount,
    ShownInstruction,
    ShownTransaction,
)
from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.api.market.market import iso
from gridtokenx_hub.chain import Transaction
from gridtokenx_hub.chain.types import ExecutedInstruction
from gridtokenx_programs import BadDataError, Program
from gridtokenx_programs.tokens import TOKEN_PROGRAM

MINT_SIZE = 82
TOKEN_ACCOUNT_SIZE = 165


async def show_transaction(context: ApiContext, signature: str) -> ShownTransaction:
    """Return a transaction.

    Raises:
        Problem: 404, there is none, or it is not confirmed yet.
    """
    found = await context.client.transaction(signature)
    if found is None:
        raise Problem(404, "UnknownTransaction", f"there is no confirmed transaction {signature}")
    by_address = {program.id: program for program in context.programs.values()}
    return ShownTransaction(
        tx_signature=found.signature,
        slot=found.slot,
        time=_time(found.block_time),
        succeeded=found.error is None,
        error=found.error,
        fee_lamports=found.fee_lamports,
        compute_units=found.compute_units,
        instructions=_instructions(found, by_address),
        logs=list(found.logs),
    )


async def show_account(context: ApiContext, address: str) -> ShownAccount:
    """Return an account, with its fields when it is one of ours, a mint or a token account.

    Raises:
        Problem: 404, there is none.
    """
    account = await context.client.account(Pubkey.from_string(address))
    if account is None:
        raise Problem(404, "UnknownAccount", f"there is no account at {address}")
    name, kind, fields = None, None, None
    for each, program in context.programs.items():
        if account.owner == program.id:
            name, kind, fields = each, *_decoded(program, account.data)
    if account.owner == TOKEN_PROGRAM:
        name, kind, fields = "spl_token", *_token(account.data)
    return ShownAccount(
        address=address,
        owner=str(account.owner),
        lamports=account.lamports,
        size=len(account.data),
        executable=account.executable,
        program=name,
        kind=kind,
        fields=fields,
    )


def plain(value: Any) -> Any:
    """Return a decoded value as JSON has it."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Pubkey):
        return str(value)
    if isinstance(value, Mapping):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value


def _instructions(
    found: Transaction, by_address: Mapping[Pubkey, Program]
) -> list[ShownInstruction]:
    """Put each instruction before those that it called."""
    shown = []
    for top in found.instructions:
        shown.append(_instruction(top, by_address, inner=False))
        shown += [
            _instruction(called, by_address, inner=True)
            for called in found.inner_instructions
            if called.outer_index == top.outer_index
        ]
    return shown


def _instruction(
    executed: ExecutedInstruction, by_address: Mapping[Pubkey, Program], *, inner: bool
) -> ShownInstruction:
    program = by_address.get(executed.program_id)
    name, arguments, roles = _read(program, executed.data)
    roles += [None] * (len(executed.accounts) - len(roles))
    return ShownInstruction(
        program=program.idl.name if program else str(executed.program_id),
        name=name,
        arguments=arguments,
        accounts=[
            NamedAccount(role=role, address=str(address))
            for role, address in zip(roles, executed.accounts, strict=False)
        ],
        data=executed.data.hex(),
        inner=inner,
    )


def _read(
    program: Program | None, data: bytes
) -> tuple[str | None, dict[str, Any] | None, list[str | None]]:
    """Return name, arguments and roles of an instruction, or of an event that a program sent."""
    if program is None:
        return None, None, []
    try:
        event = program.decode_event(data)
        if event is not None:
            return event.name, plain(event.data), []
        read = program.decode_instruction(data)
    except BadDataError:  # the transaction failed for it
        return None, None, []
    if read is None:
        return None, None, []
    spec, arguments = read
    return spec.name, plain(arguments), [role.name for role in spec.accounts]


def _decoded(program: Program, data: bytes) -> tuple[str | None, dict[str, Any] | None]:
    kind = program.account_type(data)
    if kind is None:
        return None, None
    return kind, plain(program.decode_account(kind, data))


def _token(data: bytes) -> tuple[str | None, dict[str, Any] | None]:
    if len(data) == MINT_SIZE:
        mint = Mint.from_bytes(data)
        return "Mint", {"supply": mint.supply, "decimals": mint.decimals}
    if len(data) == TOKEN_ACCOUNT_SIZE:
        account = TokenAccount.from_bytes(data)
        return "TokenAccount", {
            "mint": str(account.mint),
            "owner": str(account.owner),
            "amount": account.amount,
        }
    return None, None


def _time(unix_s: int | None) -> str | None:
    return None if unix_s is None else iso(dt.datetime.fromtimestamp(unix_s, dt.UTC))
