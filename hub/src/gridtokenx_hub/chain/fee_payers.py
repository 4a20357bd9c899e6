"""Who pays for transactions."""

import itertools
from collections.abc import Sequence

from solders.keypair import Keypair
from solders.pubkey import Pubkey


class FeePayerPool:
    """Hands out fee payers in turn.

    Transactions that write to the same account are executed one after the other, and every
    transaction writes to its payer: with several payers, those that have nothing else in common
    run in parallel.

    Raises:
        ValueError: there is no payer.
    """

    def __init__(self, keypairs: Sequence[Keypair]) -> None:
        if not keypairs:
            raise ValueError("there is no fee payer: configure at least one")
        self._keypairs = tuple(keypairs)
        self._turns = itertools.cycle(self._keypairs)

    @property
    def addresses(self) -> tuple[Pubkey, ...]:
        """Addresses of all payers."""
        return tuple(keypair.pubkey() for keypair in self._keypairs)

    def next(self) -> Keypair:
        """Return the payer whose turn it is."""
        return next(self._turns)

    def keypair(self, address: Pubkey) -> Keypair:
        """Return the payer of this address.

        Raises:
            LookupError: it is none of the pool's.
        """
        for keypair in self._keypairs:
            if keypair.pubkey() == address:
                return keypair
        raise LookupError(f"{address} is no fee payer of this hub")
