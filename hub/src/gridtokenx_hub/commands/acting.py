"""What the commands share that sign transactions by the keys of roles."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gridtokenx_hub.bootstrap import BootstrapError
from gridtokenx_hub.chain import ChainClient, ChainError, FeePayerPool, TransactionSender
from gridtokenx_hub.commands.context import keys_folder
from gridtokenx_hub.keys import RoleKeys, load_role_keys
from gridtokenx_hub.settings import Settings
from gridtokenx_programs import Addresses, Program

ACTING_ERRORS = (ChainError, BootstrapError)


@dataclass(frozen=True, slots=True)
class Acting:
    """The chain, and who signs there."""

    client: ChainClient
    sender: TransactionSender
    programs: Mapping[str, Program]
    addresses: Addresses
    keys: RoleKeys


@asynccontextmanager
async def acting(folder: Path, settings: Settings) -> AsyncIterator[Acting]:
    """Open the role keys and the chain; the fee payers are the hub's."""
    chain = settings.chain
    programs, addresses = chain.load_programs(), chain.addresses
    keys = load_role_keys(keys_folder(folder), chain.fee_payers)
    client = ChainClient(chain.rpc_url)
    try:
        sender = TransactionSender(client, FeePayerPool(keys.fee_payers), programs)
        yield Acting(client, sender, programs, addresses, keys)
    finally:
        await client.close()
