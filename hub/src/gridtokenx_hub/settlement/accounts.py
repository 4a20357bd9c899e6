"""The accounts that a meter's settlement needs on chain, each made once."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from gridtokenx_hub.chain import ChainClient, TransactionRefused, TransactionSender
from gridtokenx_hub.settlement.outbox import Waiting
from gridtokenx_programs import Addresses, Program, create_associated_token

COMPUTE_UNITS = 80_000


@dataclass(frozen=True, slots=True)
class Readiness:
    """Rows whose accounts are there, and rows whose accounts the chain refused to make.

    A refusal by no program is no verdict on the row: the hub cannot pay. A row that is in neither
    waits for its next turn.
    """

    ready: list[Waiting]
    refused: list[tuple[Waiting, TransactionRefused]]


class MeterAccounts:
    """Makes ledgers and the owners' energy accounts where they are missing."""

    def __init__(
        self,
        client: ChainClient,
        sender: TransactionSender,
        programs: Mapping[str, Program],
        addresses: Addresses,
    ) -> None:
        self._client = client
        self._sender = sender
        self._programs = programs
        self._addresses = addresses

    async def ensure(self, rows: Sequence[Waiting]) -> Readiness:
        """Make what is missing.

        Raises:
            ChainError: the chain is away.
        """
        present = await self._present(rows)
        refusals = dict(
            await asyncio.gather(
                *(
                    self._make(row, ledger_is_there=ledger)
                    for row, (ledger, token) in zip(rows, present, strict=True)
                    if not (ledger and token)
                )
            )
        )
        if refusals:
            # Anyone may have made a ledger meanwhile, which refuses ours: what is there counts.
            present = await self._present(rows)
        ready = [row for row, there in zip(rows, present, strict=True) if all(there)]
        refused = [
            (row, refusal)
            for row in rows
            if row not in ready and (refusal := refusals.get(row.row_id)) is not None
        ]
        return Readiness(ready, refused)

    async def _present(self, rows: Sequence[Waiting]) -> list[tuple[bool, bool]]:
        """Return for each row whether its ledger and its owner's energy account are there."""
        mint = self._addresses.energy_mint()
        needed = [
            address
            for row in rows
            for address in (
                self._addresses.ledger(row.meter_id),
                self._addresses.associated_token(row.owner, mint),
            )
        ]
        # An address that somebody sent lamports to has an account too, but one without data.
        accounts = await self._client.accounts(needed)
        there = [account is not None and len(account.data) > 0 for account in accounts]
        return list(zip(there[::2], there[1::2], strict=True))

    async def _make(
        self, row: Waiting, *, ledger_is_there: bool
    ) -> tuple[int, TransactionRefused | None]:
        def instructions(payer: Pubkey) -> list[Instruction]:
            token = create_associated_token(payer, row.owner, self._addresses.energy_mint())
            return [token] if ledger_is_there else [token, self._open_ledger(row, payer)]

        try:
            await self._sender.send(instructions, compute_units=COMPUTE_UNITS)
        except TransactionRefused as refused:
            return row.row_id, refused
        return row.row_id, None

    def _open_ledger(self, row: Waiting, payer: Pubkey) -> Instruction:
        return self._programs["energy_token"].instruction(
            "open_ledger",
            {},
            {
                "config": self._addresses.energy_config(),
                "meter": self._addresses.meter(row.meter_id),
                "ledger": self._addresses.ledger(row.meter_id),
                "payer": payer,
            },
        )
