"""Custody: the wallets that the hub holds for its users."""

from gridtokenx_hub.wallets.rotation import rotate_key
from gridtokenx_hub.wallets.vault import NewWallet, UnknownWallet, VaultError, WalletVault

__all__ = ["NewWallet", "UnknownWallet", "VaultError", "WalletVault", "rotate_key"]
