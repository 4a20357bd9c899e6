"""Transactions on their way in."""

import itertools

from solders.compute_budget import set_compute_unit_limit
from solders.hash import Hash
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import TransactionMetadata

from gridtokenx_hub.json_types import Json, JsonObject
from gridtokenx_hub.local_chain.bank import Simulation
from gridtokenx_hub.local_chain.chain import LocalChain
from gridtokenx_hub.local_chain.encoding import (
    account_json,
    decode_transaction_text,
    inner_instructions_json,
    return_data_json,
)
from gridtokenx_hub.local_chain.execution import Failure
from gridtokenx_hub.local_chain.params import Config, Params, pubkey
from gridtokenx_hub.local_chain.producer import OpenSlot
from gridtokenx_hub.local_chain.rpc_errors import PREFLIGHT_FAILURE, RpcError, invalid_params
from gridtokenx_hub.local_chain.transaction import ParsedTransaction
from gridtokenx_hub.local_chain.transaction_errors import describe

_AIRDROP_BASE_UNITS = 10_000
_airdrops = itertools.count()


async def send_transaction(chain: LocalChain, values: Json) -> Json:
    """Execute a transaction; the answer is its signature, given when it is durable."""
    params = Params(values, required=1, allowed=2)
    config = params.config(1)
    transaction = _transaction(params, config)
    preflight = not config.flag("skipPreflight")

    def job(open_slot: OpenSlot) -> Failure | None:
        return chain.gate.pass_into(open_slot, transaction, preflight=preflight)

    failure = await chain.producer.submit(job)
    if failure is not None and preflight:
        raise RpcError(
            PREFLIGHT_FAILURE,
            f"Transaction simulation failed: {describe(failure.error)}",
            _simulation_json(failure.error, failure.metadata),
        )
    return str(transaction.versioned.signatures[0])


async def simulate_transaction(chain: LocalChain, values: Json) -> Json:
    """Execute a transaction without keeping anything."""
    params = Params(values, required=1, allowed=2)
    config = params.config(1)
    transaction = _transaction(params, config)
    verify, replace = config.flag("sigVerify"), config.flag("replaceRecentBlockhash")
    if verify and replace:
        raise invalid_params("sigVerify may not be used with replaceRecentBlockhash")
    wanted = _wanted_accounts(config)

    def query() -> Json:
        tip = chain.window.tip
        config.require_context(tip.number)
        refusal = None if replace else chain.gate.refusal(transaction, OpenSlot(tip))
        if refusal is not None:
            return chain.in_context(_simulation_json(refusal.error, None))
        simulation = chain.bank.simulate(transaction, verify=verify)
        shown = _simulation_json(simulation.error, simulation.metadata)
        shown["accounts"] = _accounts_json(chain, simulation, wanted)
        if config.flag("innerInstructions"):
            shown["innerInstructions"] = inner_instructions_json(simulation.metadata)
        if replace:
            shown["replacementBlockhash"] = {
                "blockhash": str(Hash(tip.blockhash)),
                "lastValidBlockHeight": chain.window.last_valid_height(tip.blockhash),
            }
        return chain.in_context(shown)

    return await chain.producer.read(query)


async def request_airdrop(chain: LocalChain, values: Json) -> Json:
    """Send lamports from the faucet; the answer is the signature of that transaction."""
    params = Params(values, required=2, allowed=3)
    address, lamports = params.pubkey(0), params.u64(1)
    transfer_ = transfer(
        TransferParams(from_pubkey=chain.bank.faucet.pubkey(), to_pubkey=address, lamports=lamports)
    )
    # The limit differs each time: two equal airdrops in one slot are two transactions.
    distinct = set_compute_unit_limit(_AIRDROP_BASE_UNITS + next(_airdrops) % 100_000)
    payer = chain.bank.faucet

    def job(open_slot: OpenSlot) -> ParsedTransaction | Failure:
        message = Message.new_with_blockhash(
            [distinct, transfer_], payer.pubkey(), Hash(chain.window.tip.blockhash)
        )
        transaction = ParsedTransaction(VersionedTransaction(message, [payer]), message)
        failure = chain.gate.pass_into(open_slot, transaction, preflight=True)
        return transaction if failure is None else failure

    await chain.producer.catch_up()  # or the newest blockhash may have expired
    outcome = await chain.producer.submit(job)
    if isinstance(outcome, Failure):
        raise invalid_params(f"airdrop request failed: {describe(outcome.error)}")
    return str(outcome.versioned.signatures[0])


def _transaction(params: Params, config: Config) -> ParsedTransaction:
    encoding = config.optional_text("encoding") or "base58"
    return ParsedTransaction.parse(decode_transaction_text(params.text(0), encoding))


def _simulation_json(error: Json, metadata: TransactionMetadata | None) -> JsonObject:
    return {
        "accounts": None,
        "err": error,
        # a transaction that fails as a whole, before any instruction, has an error without fields
        "fee": None if metadata is None or isinstance(error, str) else metadata.fee(),
        "innerInstructions": None,
        "logs": [] if metadata is None else list(metadata.logs()),
        "replacementBlockhash": None,
        "returnData": None if metadata is None else return_data_json(metadata),
        "unitsConsumed": 0 if metadata is None else metadata.compute_units_consumed(),
    }


def _wanted_accounts(config: Config) -> list[Pubkey]:
    wanted = config.optional_mapping("accounts")
    if wanted is None:
        return []
    if wanted.optional_text("encoding") not in {None, "base64"}:
        raise invalid_params("accounts of a simulation are shown in base64")
    addresses = wanted.get("addresses")
    if not isinstance(addresses, list):
        raise invalid_params("Invalid params: missing field `addresses`.")
    return [pubkey(value) for value in addresses]


def _accounts_json(chain: LocalChain, simulation: Simulation, wanted: list[Pubkey]) -> Json:
    if not wanted or simulation.error is not None:
        return None
    shown: list[Json] = []
    for address in wanted:
        account = simulation.accounts.get(address) or chain.bank.account(address)
        shown.append(None if account is None else account_json(account, "base64", slice(None)))
    return shown
