"""Makes the job between the chains from a hub's settings and keys."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import asyncpg

from gridtokenx_hub.bridge.bridge_contract import BridgeContract
from gridtokenx_hub.bridge.evm_client import EvmClient
from gridtokenx_hub.bridge.evm_sender import EvmSender
from gridtokenx_hub.bridge.guardian_answers import GuardianAnswers
from gridtokenx_hub.bridge.job import BridgeJob
from gridtokenx_hub.bridge.keys import relay_key
from gridtokenx_hub.bridge.listener import BridgeListener
from gridtokenx_hub.bridge.relay import Relay
from gridtokenx_hub.bridge.reservations import Reservations
from gridtokenx_hub.chain import NodeListener
from gridtokenx_hub.settings import BridgeSettings


def open_job(
    pool: asyncpg.Pool,
    keys: Path,
    chosen: BridgeSettings,
    genesis_hash: bytes,
    reservations: Reservations,
    clock: Callable[[], dt.datetime],
    poll_s: float,
) -> BridgeJob:
    """Return the job between the chains.

    Args:
        pool: the hub's database.
        keys: its key folder.
        chosen: where the bridge and its guardians are.
        genesis_hash: of the chain that energy is on.
        reservations: the Solana side.
        clock: the present instant.
        poll_s: pause between two rounds.

    Raises:
        KeyFileError: a key file is not usable.
    """
    client = EvmClient(chosen.rpc_url, chosen.chain_id, chosen.confirmations)
    contract = BridgeContract(client, chosen.id)
    sender = EvmSender(pool, client, chosen.max_fee_wei, clock)
    relay = Relay(
        GuardianAnswers(chosen.guardians),
        reservations,
        contract,
        sender,
        relay_key(keys),
        chosen.id,
        clock,
    )
    listener = BridgeListener(client, chosen.id, chosen.start_block)
    heads = None
    if chosen.websocket_url is not None:
        heads = NodeListener(chosen.websocket_url, [("eth_subscribe", ["newHeads"])])
    return BridgeJob(pool, client, contract, genesis_hash, listener, sender, relay, heads, poll_s)
