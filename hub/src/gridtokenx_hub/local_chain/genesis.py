"""What a local chain is created with."""

from dataclasses import dataclass

from solders.pubkey import Pubkey

FAUCET_LAMPORTS = 500_000_000 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Genesis:
    """Programs that are on the chain from its first slot: (address, ELF bytes) of each.

    The genesis hash and the faucet's key are drawn when the ledger is created and kept in it.
    """

    programs: tuple[tuple[Pubkey, bytes], ...]


@dataclass(frozen=True, slots=True)
class CreationParameters:
    """What was drawn when the ledger was created."""

    genesis_hash: bytes
    faucet_seed: bytes
    created_unix_s: int
