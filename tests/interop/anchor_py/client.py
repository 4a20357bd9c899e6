"""An anchorpy client of our programs, in an environment without our packages.

Reads requests on standard input and answers each, one JSON object a line; ../anchor/clients.py
says what is in them. Which anchorpy it runs with is up to the environment.
"""

import asyncio
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

from anchorpy import Context, Idl, Program, Provider, Wallet
from anchorpy.error import ProgramError
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solana.rpc.types import TxOpts
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction_status import InstructionErrorCustom, TransactionErrorInstructionError

Json = dict[str, Any]
EVENT_TAG_SIZE = 8
ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def argument(program: Program, tagged: Json) -> Any:  # noqa: PLR0911 - one for each kind of type
    """A value as anchorpy takes it."""
    ((kind, value),) = tagged.items()
    match kind:
        case "pubkey":
            return Pubkey.from_string(value)
        case "bool":
            return value
        case "list":
            return [argument(program, item) for item in value]
        case "option":
            return None if value is None else argument(program, value)
        case "enum":
            return getattr(program.type[value[0]], value[1])()
        case "struct":
            fields = {name: argument(program, item) for name, item in value[1].items()}
            return program.type[value[0]](**fields)
    return int(value)


def plain(value: Any) -> Any:
    """What anchorpy decoded, as JSON without types."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | Pubkey):
        return str(value)
    if isinstance(value, list | tuple | bytes):
        return [plain(item) for item in value]
    if hasattr(value, "_sumtype_attribs"):
        return type(value).__name__
    return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}


def context(job: Json, **more: Any) -> Context:
    """The accounts of an instruction."""
    accounts = {name: Pubkey.from_string(address) for name, address in job["accounts"].items()}
    return Context(accounts=accounts, **more)


def arguments(program: Program, job: Json) -> list[Any]:
    """The arguments of an instruction, in order."""
    return [argument(program, tagged) for tagged in job["args"]]


def build(program: Program, job: Json) -> Json:
    """An instruction, taken apart."""
    made = program.instruction[job["instruction"]](*arguments(program, job), ctx=context(job))
    return {
        "program_id": str(made.program_id),
        "data": bytes(made.data).hex(),
        "accounts": [[str(m.pubkey), m.is_signer, m.is_writable] for m in made.accounts],
    }


def decode_account(program: Program, job: Json) -> Json:
    """An account's data."""
    parsed = program.coder.accounts.parse(bytes.fromhex(job["data"]))
    return {"name": parsed.name, "values": plain(parsed.data)}


def decode_event(program: Program, data: bytes) -> Json:
    """An event out of an inner instruction's data."""
    event = program.coder.events.parse(data[EVENT_TAG_SIZE:])
    return {"name": event.name, "values": plain(event.data)}


def refusal(program: Program, error: Any, logs: list[str]) -> Json:
    """What anchorpy makes of a transaction that failed on the chain."""
    messages = {item.code: item.msg for item in program.idl.errors}
    return named(program, ProgramError.parse_tx_error(error, messages, program.program_id, logs))


def named(program: Program, error: ProgramError) -> Json:
    """An error with its name: anchorpy has code and message."""
    known = {item.code: item.name for item in program.idl.errors}
    return {"code": error.code, "name": known[error.code], "msg": error.msg}


class Chain:
    """A connection and the keys to act with."""

    def __init__(self, job: Json) -> None:
        self.keys = {
            name: Keypair.from_bytes(bytes.fromhex(key)) for name, key in job["keys"].items()
        }
        self.client = AsyncClient(job["rpc_url"], Confirmed)
        self.provider = Provider(self.client, Wallet(self.keys["payer"]), options())

    async def send(self, program: Program, step: Json) -> Json:
        """Send an instruction; its events, or the error that anchorpy makes of a refusal."""
        more = {
            "signers": [self.keys[name] for name in step["signers"]],
            "pre_instructions": [_instruction(item) for item in step["before"]],
            "options": options(skip_preflight=not step["preflight"]),
        }
        call = program.rpc[step["instruction"]]
        try:
            signature = await call(*arguments(program, step), ctx=context(step, **more))
        except ProgramError as refused:
            return {"error": named(program, refused)}
        return await self.outcome(program, signature)

    async def outcome(self, program: Program, signature: Signature) -> Json:
        """What came of a transaction that is on the chain."""
        found = (await self.client.get_transaction(signature, "base64", Confirmed, 0)).value
        meta = found.transaction.meta
        if meta.err is not None:
            return {"error": refusal(program, meta.err, meta.log_messages)}
        # Events are inner instructions by which the program calls itself.
        keys = found.transaction.transaction.message.account_keys
        inner = [item for group in meta.inner_instructions for item in group.instructions]
        own = [item for item in inner if keys[item.program_id_index] == program.program_id]
        events = [decode_event(program, _base58(item.data)) for item in own]
        return {"signature": str(signature), "events": events}

    async def fetch(self, program: Program, job: Json) -> Json:
        """An account on chain."""
        account = await program.account[job["account"]].fetch(Pubkey.from_string(job["address"]))
        return plain(account)


def options(*, skip_preflight: bool = False) -> TxOpts:
    """How a transaction is sent: it is waited for."""
    return TxOpts(
        skip_confirmation=False, skip_preflight=skip_preflight, preflight_commitment=Confirmed
    )


def _instruction(job: Json) -> Instruction:
    accounts = [
        AccountMeta(Pubkey.from_string(address), signs, is_written)
        for address, signs, is_written in job["accounts"]
    ]
    data = bytes.fromhex(job["data"])
    return Instruction(Pubkey.from_string(job["program_id"]), data, accounts)


def _base58(text: str) -> bytes:
    number = 0
    for letter in text:
        number = number * 58 + ALPHABET.index(letter)
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def open_program(path: str, provider: Provider) -> Program:
    """A program by its IDL, at the address that this names."""
    source = Path(path).read_text(encoding="utf-8")
    described = json.loads(source)
    address = described.get("address") or described["metadata"]["address"]
    return Program(Idl.from_json(source), Pubkey.from_string(address), provider)


async def answer(chain: Chain, program: Program, request: Json) -> Any:
    """Do what one request asks for."""
    match request["do"]:
        case "build":
            return build(program, request)
        case "account":
            return decode_account(program, request)
        case "event":
            return decode_event(program, bytes.fromhex(request["data"]))
        case "error":
            error = TransactionErrorInstructionError(0, InstructionErrorCustom(request["code"]))
            return refusal(program, error, request["logs"])
        case "send":
            return await chain.send(program, request)
        case "fetch":
            return await chain.fetch(program, request)
    raise ValueError(request["do"])


async def serve() -> None:
    """Answer until there are no more requests."""
    opening = json.loads(sys.stdin.readline())
    chain = Chain(opening)
    programs = {name: open_program(path, chain.provider) for name, path in opening["idls"].items()}
    for line in sys.stdin:
        request = json.loads(line)
        said = await answer(chain, programs[request["program"]], request)
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve())
