"""What the chain knows and a backup does not: read from the chain before anybody relies on it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from solders.pubkey import Pubkey

from gridtokenx_hub.audit.chain_state import events_sent
from gridtokenx_hub.backup.errors import ChainBehind, OtherDeployment
from gridtokenx_hub.backup.manifest import Manifest
from gridtokenx_hub.chain import ChainClient
from gridtokenx_hub.indexer.catching_up import catch_up
from gridtokenx_hub.leadership import Connection
from gridtokenx_hub.settlement.adoption import adopt
from gridtokenx_hub.wallets import WalletVault
from gridtokenx_programs import Addresses, Program
from gridtokenx_protocol.deployment import deployment_id

SINCE = """
SELECT name, count(*) AS count FROM events
WHERE sequence > coalesce(($1::text::jsonb ->> program)::bigint, 0) GROUP BY name ORDER BY name
"""
WITHOUT_SEED = """
SELECT wallet FROM users u WHERE registered_at IS NOT NULL
  AND NOT EXISTS (SELECT FROM wallets w WHERE w.wallet = u.wallet) ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class Chain:
    """The chain of the deployment, with its programs and where their accounts are."""

    client: ChainClient
    programs: Mapping[str, Program]
    addresses: Addresses


@dataclass(frozen=True, slots=True)
class Since:
    """What the chain told of the time after the backup.

    Attributes:
        events: how many of each kind.
        settlements: how many the backup's outbox did not have.
        wallets: those of which the hub holds the seed again.
    """

    events: Mapping[str, int]
    settlements: int
    wallets: tuple[Pubkey, ...]


async def check_chain(chain: Chain, manifest: Manifest) -> Mapping[str, int]:
    """Return how many events each program has sent, if the chain goes with the backup.

    Raises:
        OtherDeployment: it is another chain.
        ChainBehind: it lacks events that the backup has.
        ChainUnavailable: the node does not answer.
    """
    genesis_hash = await chain.client.genesis_hash()
    deployment = deployment_id(bytes(genesis_hash), bytes(chain.addresses.registry)).hex()
    if deployment != manifest.deployment or manifest.genesis_hash not in (None, str(genesis_hash)):
        raise OtherDeployment(
            f"the backup is of deployment {manifest.deployment} (genesis {manifest.genesis_hash}), "
            f"the chain is {deployment} (genesis {genesis_hash}): set rpc_url to the backup's chain"
        )
    sent = await events_sent(chain.client, chain.programs, chain.addresses)
    for program, mark in manifest.watermarks.items():
        if sent.get(program, 0) < mark.event_sequence:
            raise ChainBehind(
                f"the chain has {sent.get(program, 0)} events of {program}, the backup has "
                f"{mark.event_sequence}: wait until the node has caught up; a local chain that was "
                "restored itself goes with a backup from before that"
            )
    return sent


async def reconcile(
    connection: Connection,
    chain: Chain,
    manifest: Manifest,
    sent: Mapping[str, int],
    wallets_key: Path,
) -> Since:
    """Bring the restored tables to where the chain stands: `sent` events of each program.

    Raises:
        IndexerError: the chain does not show every event.
        ChainUnavailable: the node does not answer.
    """
    await catch_up(connection, chain.client, chain.programs, sent)
    known = {name: mark.event_sequence for name, mark in manifest.watermarks.items()}
    rows = await connection.fetch(SINCE, json.dumps(known))
    adopted = await adopt(connection, chain.client, known.get("energy_token", 0))
    without_seed = await connection.fetch(WITHOUT_SEED)
    recovered = await WalletVault(connection, wallets_key).recover(
        [Pubkey.from_string(row["wallet"]) for row in without_seed],
        manifest.sequences.get("wallet_numbers", 0),
    )
    return Since({row["name"]: row["count"] for row in rows}, adopted, tuple(recovered))
