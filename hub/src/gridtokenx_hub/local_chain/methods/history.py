"""What has been executed."""

import json

from solders.signature import Signature

from gridtokenx_hub.json_types import Json, JsonObject
from gridtokenx_hub.local_chain.chain import LocalChain
from gridtokenx_hub.local_chain.encoding import status_json, transaction_json
from gridtokenx_hub.local_chain.params import Config, Params, signature
from gridtokenx_hub.local_chain.records import StoredTransaction, error_of
from gridtokenx_hub.local_chain.rpc_errors import (
    TRANSACTION_NOT_FOUND,
    UNSUPPORTED_TRANSACTION_VERSION,
    RpcError,
    invalid_params,
)
from gridtokenx_hub.local_chain.transaction import ParsedTransaction

MAX_STATUSES = 256
MAX_SIGNATURES = 1000


async def get_signature_statuses(chain: LocalChain, values: Json) -> Json:
    """What became of each signature: of the last two minutes, or in all of history if asked for."""
    params = Params(values, required=1, allowed=2)
    everywhere = params.has(1) and params.config(1).required_flag("searchTransactionHistory")
    signatures = [signature(value) for value in params.list_of_text(0, MAX_STATUSES)]

    def query() -> Json:
        find = chain.ledger.transaction if everywhere else chain.recent_transaction
        return chain.in_context([_status(find(bytes(signature))) for signature in signatures])

    return await chain.producer.read(query)


async def get_transaction(chain: LocalChain, values: Json) -> Json:
    """One transaction with what it did, null if it has not been executed."""
    params = Params(values, required=1, allowed=2)
    wanted = params.signature(0)
    given = params.mapping_or_text(1)
    config = Config({"encoding": given} if isinstance(given, str) else given or {})
    config.require_confirmed()
    encoding = config.optional_text("encoding") or "json"
    stored = chain.ledger.transaction(bytes(wanted))
    if stored is None:
        return None
    transaction = ParsedTransaction.parse(stored.raw)
    shown: JsonObject = {
        "blockTime": stored.unix_s,
        "meta": json.loads(stored.meta),
        "slot": stored.slot,
        "transaction": transaction_json(transaction, encoding),
        "transactionIndex": stored.position,
    }
    version = transaction.version
    supported = config.optional_u64("maxSupportedTransactionVersion")
    if supported is not None:
        shown["version"] = version
    elif isinstance(version, int):
        raise RpcError(
            UNSUPPORTED_TRANSACTION_VERSION,
            f"Transaction version ({version}) is not supported by the requesting client. Please try"
            " the request again with the following configuration parameter:"
            f' "maxSupportedTransactionVersion": {version}',
        )
    return shown


async def get_signatures_for_address(chain: LocalChain, values: Json) -> Json:
    """Transactions that name an address, newest first."""
    params = Params(values, required=1, allowed=2)
    address, config = params.pubkey(0), params.config(1)
    config.require_confirmed()
    limit = config.optional_u64("limit", "usize")
    limit = MAX_SIGNATURES if limit is None else limit
    if not 0 < limit <= MAX_SIGNATURES:
        raise invalid_params(f"Invalid limit; max {MAX_SIGNATURES}")
    before, until = _bound(config, "before"), _bound(config, "until")

    def query() -> Json:
        config.require_context(chain.window.tip.number)
        found = chain.ledger.transactions_of(
            bytes(address), _id(chain, before), _id(chain, until), limit
        )
        return [
            {
                "blockTime": stored.unix_s,
                "confirmationStatus": "finalized",
                "err": error_of(stored),
                "memo": None,
                "signature": str(Signature(stored.signature)),
                "slot": stored.slot,
                "transactionIndex": stored.position,
            }
            for stored in found
        ]

    return await chain.producer.read(query)


def _bound(config: Config, name: str) -> Signature | None:
    value = config.get(name)
    return None if value is None else signature(value)


def _id(chain: LocalChain, bound: Signature | None) -> int | None:
    if bound is None:
        return None
    stored = chain.ledger.transaction(bytes(bound))
    if stored is None:
        raise RpcError(TRANSACTION_NOT_FOUND, f"Transaction {bound} not found")
    return stored.id


def _status(stored: StoredTransaction | None) -> Json:
    if stored is None:
        return None
    error = error_of(stored)
    return {
        "confirmationStatus": "finalized",
        "confirmations": None,
        "err": error,
        "slot": stored.slot,
        "status": status_json(error),
    }
