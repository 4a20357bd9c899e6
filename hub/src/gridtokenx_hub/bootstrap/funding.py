"""SOL for the fee payers: from the faucet where the chain has one, else from the operator."""

from collections.abc import Sequence

from solders.keypair import Keypair

from gridtokenx_hub.bootstrap.errors import BootstrapError
from gridtokenx_hub.chain import ChainClient, RequestRefused

LAMPORTS_PER_SOL = 1_000_000_000
LEAST_LAMPORTS = LAMPORTS_PER_SOL
AIRDROP_LAMPORTS = 100 * LAMPORTS_PER_SOL


async def fund_fee_payers(client: ChainClient, fee_payers: Sequence[Keypair]) -> None:
    """See to it that every fee payer has at least 1 SOL.

    Raises:
        BootstrapError: one has less, and the chain has no faucet.
    """
    for keypair in fee_payers:
        address = keypair.pubkey()
        lamports = await client.balance(address)
        if lamports >= LEAST_LAMPORTS:
            continue
        try:
            await client.airdrop(address, AIRDROP_LAMPORTS)
        except RequestRefused as refused:
            raise BootstrapError(
                f"fee payer {address} has {lamports} lamports and needs at least"
                f" {LEAST_LAMPORTS} (1 SOL): send it some; this chain has no faucet ({refused})"
            ) from refused
