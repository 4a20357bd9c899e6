"""Reservations on Solana as the relay ends them: matched when paid, given back when not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from gridtokenx_hub.chain import ChainClient, TransactionSender
from gridtokenx_programs import Addresses, Program, create_associated_token
from gridtokenx_programs.attestation import Attestation, guardian_proof

COMPUTE_UNITS = 60_000

Proof = Sequence[tuple[Pubkey, bytes]]
"""Guardians and their signatures, in the order of the set; as many as its threshold."""


@dataclass(frozen=True, slots=True)
class Office:
    """The guardians in office on Solana."""

    epoch: int
    threshold: int
    guardians: tuple[Pubkey, ...]


class Reservations:
    """Reads reservations and ends them.

    Args:
        client: the chain.
        sender: makes and sends transactions.
        trading: the trading program.
        addresses: where accounts are.
        deployment: the deployment's 4 bytes.
    """

    def __init__(
        self,
        client: ChainClient,
        sender: TransactionSender,
        trading: Program,
        addresses: Addresses,
        deployment: bytes,
    ) -> None:
        self._client = client
        self._sender = sender
        self._trading = trading
        self._addresses = addresses
        self._deployment = deployment

    async def office(self) -> Office | None:
        """Return who is in office, None while nobody was appointed."""
        account = await self._client.account(self._addresses.guardians())
        if account is None:
            return None
        found = self._trading.decode_account("Guardians", account.data)
        in_office = tuple(found["guardians"][: found["count"]])
        return Office(found["epoch"], found["threshold"], in_office)

    async def terms(self, reservation: Pubkey) -> Mapping[str, Any] | None:
        """Return a reservation's account, None when it has ended."""
        account = await self._client.account(reservation)
        if account is None or account.owner != self._trading.id:
            return None
        return self._trading.decode_account("Reservation", account.data)

    def digest(
        self, kind: bytes, reservation: Pubkey, terms: Mapping[str, Any], office: Office
    ) -> bytes:
        """Return what guardians have to sign: that it was `PAID`, or `UNPAID`."""
        return Attestation(
            kind=kind,
            deployment=self._deployment,
            program=self._trading.id,
            market=self._addresses.market(),
            guardian_epoch=office.epoch,
            reservation=reservation,
            terms=terms,
        ).digest()

    async def match(
        self, reservation: Pubkey, terms: Mapping[str, Any], proof: Proof, digest: bytes
    ) -> None:
        """Hand the energy to the buyer and the treasury's GRX to the seller.

        Raises:
            ChainError: it was refused, or is not known to have happened.
        """
        energy = await self._token_account(terms["buyer"], self._addresses.energy_mint())
        grx = await self._token_account(terms["seller"], self._addresses.grx_mint())
        accounts = self._ending(reservation, terms) | {"buyer_energy": energy, "seller_grx": grx}
        # The program looks for the proof directly before itself.
        await self._sender.send(
            [
                guardian_proof(proof, digest),
                self._trading.instruction("match_order_with_thb", {}, accounts),
            ],
            compute_units=COMPUTE_UNITS,
        )

    async def give_back(
        self, reservation: Pubkey, terms: Mapping[str, Any], proof: Proof, digest: bytes
    ) -> None:
        """Give the energy back to the order and the GRX to the treasury.

        After the reservation's time nobody has to sign: then `proof` is empty.

        Raises:
            ChainError: it was refused, or is not known to have happened.
        """
        energy = await self._token_account(terms["seller"], self._addresses.energy_mint())
        grx = await self._token_account(terms["treasury"], self._addresses.grx_mint())
        accounts = self._ending(reservation, terms) | {"seller_energy": energy, "treasury_grx": grx}
        release = self._trading.instruction("release_reservation", {}, accounts)
        proving: list[Instruction] = [guardian_proof(proof, digest)] if proof else []
        await self._sender.send([*proving, release], compute_units=COMPUTE_UNITS)

    async def _token_account(self, owner: Pubkey, mint: Pubkey) -> Pubkey:
        """Return an owner's token account, which is made when it is not there."""
        account = self._addresses.associated_token(owner, mint)
        if await self._client.account(account) is None:
            await self._sender.send(
                lambda payer: [create_associated_token(payer, owner, mint)],
                compute_units=COMPUTE_UNITS,
            )
        return account

    def _ending(self, reservation: Pubkey, terms: Mapping[str, Any]) -> dict[str, Pubkey]:
        return {
            "market": self._addresses.market(),
            "order": terms["order"],
            "escrow": self._addresses.escrow(terms["order"]),
            "reservation": reservation,
            "reservation_escrow": self._addresses.escrow(reservation),
            "trader": self._addresses.trader(terms["buyer"]),
            "rent_payer": terms["rent_payer"],
            "guardians": self._addresses.guardians(),
        }
