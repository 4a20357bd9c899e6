"""Wallets that the hub holds, made as the API makes them, without their users."""

from solders.pubkey import Pubkey

from gridtokenx_hub.wallets import WalletVault


async def new_wallet(vault: WalletVault) -> Pubkey:
    """Make a wallet, store it and return its address."""
    made = await vault.make(1)
    await vault.store(made)
    return made[0].keypair.pubkey()
