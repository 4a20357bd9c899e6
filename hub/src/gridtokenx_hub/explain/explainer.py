"""Puts an explanation together: from the chain, its events, and what is kept of readings."""

from collections.abc import Callable, Mapping

import asyncpg

from gridtokenx_hub.chain import ChainClient, RequestRefused, Transaction
from gridtokenx_hub.explain import readings
from gridtokenx_hub.explain.answer import (
    Deployment,
    Explanation,
    Household,
    Readings,
    Settled,
)
from gridtokenx_hub.explain.errors import NotASettlement
from gridtokenx_hub.explain.history import History
from gridtokenx_hub.explain.transaction import OnChain, settlements
from gridtokenx_programs import Addresses, Program

Sees = Callable[[str, str], bool]
"""Whether the readings of a household may be shown, by its meter id and its wallet."""


class Explainer:
    """Explains the transactions of one deployment.

    Every method raises `ChainError` when the node does not answer.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        client: ChainClient,
        programs: Mapping[str, Program],
        addresses: Addresses,
        deployment: bytes,
        genesis_hash: str,
    ) -> None:
        self._pool = pool
        self._client = client
        self._energy_token = programs["energy_token"]
        self._history = History(pool, client, programs["registry"])
        self._deployment = Deployment(
            deployment=deployment.hex(),
            genesis_hash=genesis_hash,
            registry=str(addresses.registry),
            energy_token=str(addresses.energy_token),
            energy_mint=str(addresses.energy_mint()),
        )

    async def explain(self, signature: str, sees: Sees) -> Explanation:
        """Return where the tokens of a transaction come from, as far as the asker may see it.

        Raises:
            NotASettlement: There is no such transaction, or it settles no meter.
            HistoryMissing: The indexer has not read what was before; it will.
        """
        transaction, found = await self._find(signature)
        final = transaction.slot <= await self._client.final_slot()
        return Explanation(
            signature=signature,
            slot=transaction.slot,
            block_time=transaction.block_time,
            finality="finalized" if final else "confirmed",
            deployment=self._deployment,
            settlements=[
                await self._settled(position, settled, sees)
                for position, settled in enumerate(found)
            ],
        )

    async def owner(self, signature: str, meter_id: bytes) -> str:
        """Return the wallet to which a transaction minted the energy of a meter.

        Raises:
            NotASettlement: It settles no such meter.
        """
        return str((await self._of_meter(signature, meter_id)).event["owner"])

    async def readings(self, signature: str, meter_id: bytes, below: int) -> Readings:
        """Return a page of the readings behind a settlement, the newest first.

        Raises:
            NotASettlement: The transaction settles no such meter.
            HistoryMissing: The indexer has not read what was before; it will.
        """
        settled = await self._of_meter(signature, meter_id)
        previous = await self._history.previous(settled)
        return await readings.page(self._pool, settled.record, previous, below)

    async def _settled(self, position: int, settled: OnChain, sees: Sees) -> Settled:
        record, owner = settled.record, str(settled.event["owner"])
        key, limits = await self._history.key(settled)
        previous = await self._history.previous(settled)
        household = Household(state="private")
        if sees(record.meter_id.hex(), owner):
            household = await readings.household(self._pool, record)
        return Settled(
            position=position,
            instruction=settled.instruction,
            meter_id=record.meter_id.hex(),
            meter_account=settled.accounts["meter"],
            owner=owner,
            owner_token=settled.accounts["owner_token"],
            minted_mwh=settled.event["minted_mwh"],
            total_minted_mwh=settled.event["total_minted_mwh"],
            proof=settled.proof,
            record=readings.signed_record(record),
            key=key,
            limits=limits,
            previous=previous,
            chain=await readings.chain(self._pool, record, previous),
            household=household,
        )

    async def _of_meter(self, signature: str, meter_id: bytes) -> OnChain:
        _, found = await self._find(signature)
        for settled in found:
            if settled.record.meter_id == meter_id:
                return settled
        raise NotASettlement("this transaction does not settle that meter")

    async def _find(self, signature: str) -> tuple[Transaction, list[OnChain]]:
        try:
            transaction = await self._client.transaction(signature)
        except RequestRefused:
            transaction = None  # a node refuses what is no signature
        if transaction is None:
            raise NotASettlement("the chain has no such transaction: look at its signature again")
        found = [] if transaction.error else list(settlements(transaction, self._energy_token))
        if not found:
            raise NotASettlement("this transaction mints no energy")
        return transaction, found
