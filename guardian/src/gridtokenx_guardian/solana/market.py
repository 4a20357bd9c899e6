"""The trading program's market, asked through a guardian's own endpoint; all at `finalized`."""

import base64
from typing import Any

import base58
from solders.pubkey import Pubkey

from gridtokenx_guardian.errors import EndpointNonsense, HeightWentBackwards, WrongChain
from gridtokenx_guardian.facts import Market, Terms
from gridtokenx_guardian.rpc import Rpc
from gridtokenx_guardian.solana.transactions import instructions_called
from gridtokenx_programs import Addresses, Program
from gridtokenx_programs.attestation import Attestation
from gridtokenx_protocol.deployment import deployment_id

CLOCK = Pubkey.from_string("SysvarC1ock11111111111111111111111111111111")
_CLOCK_TIME = slice(32, 40)  # after slot, two epochs and the start of one
_PAGE = 1000
_MAX_PAGES = 100
_FINAL = {"commitment": "finalized"}
_ACCOUNT = {**_FINAL, "encoding": "base64"}
_TRANSACTION = {**_ACCOUNT, "maxSupportedTransactionVersion": 0}


class TradingMarket:
    """Asks for the market, its reservations and its trades.

    Every method raises an `EndpointError` when the endpoint does not answer, or not sensibly.

    Args:
        rpc: the endpoint.
        trading: the trading program.
        addresses: where the programs' accounts are.
        genesis_hash: of the chain that is meant.
    """

    def __init__(
        self, rpc: Rpc, trading: Program, addresses: Addresses, genesis_hash: bytes
    ) -> None:
        self._rpc = rpc
        self._trading = trading
        self._addresses = addresses
        self._genesis_hash = genesis_hash
        self._deployment = deployment_id(genesis_hash, bytes(addresses.registry))
        self._last_slot = 0

    async def market(self) -> Market:
        """Return the market, the guardians in office and the chain's clock, all of one slot.

        Raises:
            WrongChain: the endpoint serves another chain, or a market of another deployment.
            HeightWentBackwards: a later slot was final before.
        """
        genesis = await self._rpc.call("getGenesisHash")
        with self._rpc.expecting("getGenesisHash"):
            if base58.b58decode(genesis) != self._genesis_hash:
                raise WrongChain(self._rpc.name, f"genesis hash {genesis}")
        asked = [str(a) for a in (CLOCK, self._addresses.market(), self._addresses.guardians())]
        answer = await self._rpc.call("getMultipleAccounts", asked, _ACCOUNT)
        slot = self._slot(answer)
        with self._rpc.expecting("getMultipleAccounts"):
            clock, market, guardians = answer["value"]
            time_s = int.from_bytes(_data(clock)[_CLOCK_TIME], "little", signed=True)
        terms, office = self._decode("Market", market), self._decode("Guardians", guardians)
        if terms["deployment"] != self._deployment:
            raise WrongChain(self._rpc.name, "the market is of another deployment")
        in_office = office["guardians"][: office["count"]]
        return Market(slot, time_s, terms["deployment"], office["epoch"], tuple(in_office))

    def attestation(
        self, kind: bytes, reservation: Pubkey, terms: Terms, market: Market
    ) -> Attestation:
        """What the guardians in office would sign of a reservation: `PAID` or `UNPAID`."""
        return Attestation(
            kind=kind,
            deployment=market.deployment,
            program=self._trading.id,
            market=self._addresses.market(),
            guardian_epoch=market.guardian_epoch,
            reservation=reservation,
            terms=terms,
        )

    async def reservation(self, address: Pubkey) -> Terms | None:
        """Return a reservation, None when there is none or no longer one."""
        answer = await self._rpc.call("getAccountInfo", str(address), _ACCOUNT)
        self._slot(answer)
        with self._rpc.expecting("getAccountInfo"):
            account = answer["value"]
        return None if account is None else self._reservation(address, account)

    async def reservations(self) -> list[tuple[Pubkey, Terms]]:
        """Return all reservations that there are. Many public nodes refuse this question."""
        kind = base58.b58encode(self._trading.account_discriminator("Reservation")).decode()
        filters = [{"memcmp": {"offset": 0, "bytes": kind}}]
        answer = await self._rpc.call(
            "getProgramAccounts", str(self._trading.id), {**_ACCOUNT, "filters": filters}
        )
        with self._rpc.expecting("getProgramAccounts"):
            found = [(Pubkey.from_string(entry["pubkey"]), entry["account"]) for entry in answer]
        return [(address, self._reservation(address, account)) for address, account in found]

    async def trade(self, reservation: Pubkey) -> Terms | None:
        """Return the `TradeExecuted` that used a reservation up, None when there is none."""
        before: dict[str, str] = {}
        for _ in range(_MAX_PAGES):
            page = await self._rpc.call(
                "getSignaturesForAddress", str(reservation), {**_FINAL, "limit": _PAGE, **before}
            )
            with self._rpc.expecting("getSignaturesForAddress"):
                signatures = [entry["signature"] for entry in page if entry["err"] is None]
                before = {"before": page[-1]["signature"]} if page else {}
            for signature in signatures:
                if trade := await self._trade_in(signature, reservation):
                    return trade
            if not before:
                return None
        raise EndpointNonsense(self._rpc.name, f"a history of {reservation} without an end")

    async def _trade_in(self, signature: str, reservation: Pubkey) -> Terms | None:
        answer = await self._rpc.call("getTransaction", signature, _TRANSACTION)
        with self._rpc.expecting("getTransaction"):
            if answer is None or answer["meta"]["err"] is not None:
                raise EndpointNonsense(self._rpc.name, "a final transaction that is not there")
            for program, data in instructions_called(answer):
                event = self._trading.decode_event(data) if program == self._trading.id else None
                if event and event.name == "TradeExecuted":
                    trade = event.data
                    if trade["reservation"] == reservation:
                        return trade
        return None

    def _reservation(self, address: Pubkey, account: Any) -> Terms:
        terms = self._decode("Reservation", account)
        if self._addresses.reservation(terms["buyer"], terms["nonce"]) != address:
            raise EndpointNonsense(self._rpc.name, f"another reservation than {address}")
        return terms

    def _decode(self, kind: str, account: Any) -> Terms:
        with self._rpc.expecting(kind):
            if account["owner"] != str(self._trading.id):
                raise ValueError(f"an account of {account['owner']}")
            return self._trading.decode_account(kind, _data(account))

    def _slot(self, answer: Any) -> int:
        with self._rpc.expecting("context"):
            slot = answer["context"]["slot"]
            if type(slot) is not int or slot < 0:
                raise ValueError("no slot")
        if slot < self._last_slot:
            before, self._last_slot = self._last_slot, slot
            raise HeightWentBackwards(self._rpc.name, f"slot {slot} is final, and {before} was")
        self._last_slot = slot
        return slot


def _data(account: Any) -> bytes:
    return base64.b64decode(account["data"][0], validate=True)
