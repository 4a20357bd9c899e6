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
        self._keypairs = {keypair.pubkey(): keypair for keypair in keypairs}
        self._turns = itertools.cycle(self._keypairs.values())

    @property
    def addresses(self) -> tuple[Pubkey, ...]:
        """Addresses of all payers."""
        return tuple(self._keypairs)

    def next(self) -> Keypair:
        """Return the payer whose turn it is."""
        return next(self._turns)

    def keypair(self, address: Pubkey) -> Keypair:
        """Return the payer of this address.

        Raises:
            LookupError: it is none of the pool's.
        """
        keypair = self._keypairs.get(address)
        if keypair is None:
            raise LookupError(f"{address} is no fee payer of this hub")
        return keypair
