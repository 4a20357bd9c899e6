"""Accounts and transactions as RPC shows them."""

import base64

from solders.account import Account
from solders.message import Message, MessageV0
from solders.transaction_metadata import TransactionMetadata

from gridtokenx_hub import base58
from gridtokenx_hub.json_types import Json, JsonObject
from gridtokenx_hub.local_chain import zstd
from gridtokenx_hub.local_chain.bank import Execution
from gridtokenx_hub.local_chain.params import Config, text
from gridtokenx_hub.local_chain.rpc_errors import INVALID_REQUEST, RpcError, invalid_params
from gridtokenx_hub.local_chain.transaction import (
    MAX_TRANSACTION_BYTES,
    TRANSACTION_KIND,
    ParsedTransaction,
)

ACCOUNT_ENCODINGS = ("binary", "base58", "base64", "jsonParsed", "base64+zstd")
MAX_BASE58_BYTES = 128
MAX_ENCODED = {"base58": 1683, "base64": 1644}  # the largest transaction's length in each


def account_encoding(config: Config, default: str = "binary") -> str:
    """The account encoding that `config` asks for."""
    encoding = config.optional_text("encoding") or default
    if encoding not in ACCOUNT_ENCODINGS:
        names = ", ".join(f"`{name}`" for name in ACCOUNT_ENCODINGS)
        raise invalid_params(
            f"Invalid params: unknown variant `{encoding}`, expected one of {names}."
        )
    return encoding


def data_slice(config: Config) -> slice:
    """The part of account data that `config` asks for."""
    wanted = config.optional_mapping("dataSlice")
    if wanted is None:
        return slice(None)
    offset, length = wanted.required_u64("offset"), wanted.required_u64("length")
    return slice(offset, offset + length)


def account_json(account: Account, encoding: str, part: slice) -> JsonObject:
    """An account as an answer shows it.

    Raises:
        RpcError: its data is too long for base58.
    """
    if encoding in {"binary", "base58"} and len(account.data[part]) > MAX_BASE58_BYTES:
        raise RpcError(
            INVALID_REQUEST,
            "Encoded binary (base 58) data should be less than 128 bytes,"
            " please use Base64 encoding.",
        )
    return notified_account_json(account, encoding, part)


def notified_account_json(account: Account, encoding: str, part: slice = slice(None)) -> JsonObject:
    """An account as a notification shows it, which can be no error.

    `jsonParsed` shows base64, as it does for every account it cannot parse.
    """
    data = account.data[part]
    shown: Json
    if encoding in {"binary", "base58"}:
        too_long = len(data) > MAX_BASE58_BYTES
        coded = "error: data too large for bs58 encoding" if too_long else base58.encode(data)
        shown = coded if encoding == "binary" else [coded, "base58"]
    elif encoding == "base64+zstd":
        shown = [base64.b64encode(zstd.stored(data)).decode(), encoding]
    else:
        shown = [base64.b64encode(data).decode(), "base64"]
    return {
        "data": shown,
        "executable": account.executable,
        "lamports": account.lamports,
        "owner": str(account.owner),
        "rentEpoch": account.rent_epoch,
        "space": len(account.data),
    }


def meta_json(execution: Execution) -> JsonObject:
    """The `meta` of an executed transaction."""
    metadata, keys = execution.metadata, execution.keys
    meta: JsonObject = {
        "computeUnitsConsumed": metadata.compute_units_consumed(),
        "err": execution.error,
        "fee": metadata.fee(),
        "innerInstructions": inner_instructions_json(metadata),
        "loadedAddresses": {
            "readonly": [str(key) for key in keys.looked_up_readonly],
            "writable": [str(key) for key in keys.looked_up_writable],
        },
        "logMessages": list(metadata.logs()),
        "postBalances": list(execution.after.lamports),
        "postTokenBalances": [balance.json() for balance in execution.after.tokens],
        "preBalances": list(execution.before.lamports),
        "preTokenBalances": [balance.json() for balance in execution.before.tokens],
        "rewards": [],
        "status": status_json(execution.error),
    }
    return_data = return_data_json(metadata)
    if return_data is not None:
        meta["returnData"] = return_data
    return meta


def status_json(error: Json) -> JsonObject:
    """The older form of an error, which Agave still shows beside `err`."""
    return {"Ok": None} if error is None else {"Err": error}


def return_data_json(metadata: TransactionMetadata) -> Json:
    """What the last program returned, None if nothing."""
    returned = metadata.return_data()
    if not returned.data:
        return None
    return {
        "programId": str(returned.program_id),
        "data": [base64.b64encode(returned.data).decode(), "base64"],
    }


def inner_instructions_json(metadata: TransactionMetadata) -> list[Json]:
    """Instructions that programs called, under the index of the instruction that began it."""
    shown: list[Json] = []
    for index, called in enumerate(metadata.inner_instructions()):
        instructions: list[Json] = []
        for inner in called:
            instruction = inner.instruction()
            instructions.append(
                {
                    "accounts": list(instruction.accounts),
                    "data": base58.encode(instruction.data),
                    "programIdIndex": instruction.program_id_index,
                    "stackHeight": inner.stack_height(),
                }
            )
        if instructions:
            shown.append({"index": index, "instructions": instructions})
    return shown


def transaction_json(transaction: ParsedTransaction, encoding: str) -> Json:
    """The transaction itself in `encoding`: json, base64, base58 or binary."""
    raw = bytes(transaction.versioned)
    match encoding:
        case "base64":
            return [base64.b64encode(raw).decode(), "base64"]
        case "base58":
            return [base58.encode(raw), "base58"]
        case "binary":
            return base58.encode(raw)
        case "json":
            return {
                "message": _message_json(transaction.message),
                "signatures": [str(signature) for signature in transaction.versioned.signatures],
            }
        case "jsonParsed":
            raise invalid_params("the local chain does not parse instructions: ask for json")
        case _:
            raise invalid_params(
                "Invalid params: data did not match any variant of untagged enum"
                " RpcEncodingConfigWrapper."
            )


def decode_transaction_text(encoded: Json, encoding: str) -> bytes:
    """The bytes of a transaction that a request carries in base58 or base64."""
    coded = text(encoded)
    names = ("binary", "base64", "base58", "json", "jsonParsed")
    if encoding not in names:
        listed = ", ".join(f"`{name}`" for name in names)
        raise invalid_params(
            f"Invalid params: unknown variant `{encoding}`, expected one of {listed}."
        )
    if encoding in {"json", "jsonParsed"}:
        raise invalid_params(
            f"unsupported encoding: {encoding}. Supported encodings: base58, base64"
        )
    name = "base64" if encoding == "base64" else "base58"
    if len(coded) > MAX_ENCODED[name]:
        raise invalid_params(
            f"{name} encoded {TRANSACTION_KIND} too large: {len(coded)} bytes"
            f" (max: encoded/raw {MAX_ENCODED[name]}/{MAX_TRANSACTION_BYTES})"
        )
    try:
        if name == "base64":
            return base64.b64decode(coded, validate=True)
        return base58.decode(coded)
    except ValueError as error:
        raise invalid_params(f"invalid {name} encoding: {error}") from error


def _message_json(message: Message | MessageV0) -> JsonObject:
    header = message.header
    shown: JsonObject = {
        "accountKeys": [str(key) for key in message.account_keys],
        "header": {
            "numReadonlySignedAccounts": header.num_readonly_signed_accounts,
            "numReadonlyUnsignedAccounts": header.num_readonly_unsigned_accounts,
            "numRequiredSignatures": header.num_required_signatures,
        },
        "instructions": [
            {
                "accounts": list(instruction.accounts),
                "data": base58.encode(instruction.data),
                "programIdIndex": instruction.program_id_index,
                "stackHeight": 1,
            }
            for instruction in message.instructions
        ],
        "recentBlockhash": str(message.recent_blockhash),
    }
    if isinstance(message, MessageV0):
        shown["addressTableLookups"] = [
            {
                "accountKey": str(lookup.account_key),
                "readonlyIndexes": list(lookup.readonly_indexes),
                "writableIndexes": list(lookup.writable_indexes),
            }
            for lookup in message.address_table_lookups
        ]
    return shown
