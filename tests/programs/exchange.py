"""A market for the trading tests, over the real registry and mints.

Like `Grid`, it makes every instruction right by default; a test says what it wants wrong.
Balances of ENERGY are placed directly, so that each test has the amounts it needs; how energy is
minted is `test_flow.py`'s and the energy-token tests' business. The nonces of orders and offers are
given as milliseconds from the chain's time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from grid import KWH, Grid
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from worlds import Outcome, World

PRICE = 3_000_000  # 3 GRX per kWh
NONCE_WINDOW_MS = 600_000


@dataclass(frozen=True)
class Party:
    """A registered user with a token account of each mint."""

    key: Keypair
    energy: Pubkey
    grx: Pubkey

    @property
    def wallet(self) -> Pubkey:
        return self.key.pubkey()


@dataclass(frozen=True)
class Sale:
    """An order on chain: where it is, and whose."""

    address: Pubkey
    escrow: Pubkey
    seller: Party
    nonce: int


@dataclass(frozen=True)
class Bid:
    """An offer on chain: where it is, and whose."""

    address: Pubkey
    escrow: Pubkey
    buyer: Party
    nonce: int


class Exchange:
    """The market of a deployment, its sellers and buyers."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.world: World = grid.world
        self.addresses = self.world.addresses
        self.program = self.world.trading
        self.energy_mint, self.grx_mint = self.addresses.energy_mint(), self.addresses.grx_mint()

    def open(self) -> None:
        """Initialise registry, mints and market."""
        self.grid.start_registry()
        self.grid.start_tokens()
        self.world.send(self.initialize_market(), signers=[self.grid.authority])

    def party(self, energy: int = 0, grx: int = 0, user_type: str = "Prosumer") -> Party:
        """A new registered user with these balances."""
        key = self.world.wallet(0)
        self.world.send(self.grid.register_user(key.pubkey(), user_type), signers=[key])
        return self.unregistered(energy, grx, key)

    def unregistered(self, energy: int = 0, grx: int = 0, key: Keypair | None = None) -> Party:
        """Somebody with these balances whom the registry need not know."""
        key = key or self.world.wallet(0)
        return Party(
            key,
            self.world.put_tokens(self.energy_mint, key.pubkey(), energy),
            self.world.put_tokens(self.grx_mint, key.pubkey(), grx),
        )

    def initialize_market(self, **changed: Pubkey) -> Instruction:
        accounts = {
            "market": self.addresses.market(),
            "authority": self.grid.authority.pubkey(),
            "registry_config": self.addresses.registry_config(),
            "registry_program": self.world.registry.id,
            "energy_mint": self.energy_mint,
            "grx_mint": self.grx_mint,
            "payer": self.world.payer.pubkey(),
        }
        return self.program.instruction("initialize_market", {}, accounts | changed)

    def nonce(self, offset_ms: int) -> int:
        """The nonce so many milliseconds from the chain's time."""
        return self.world.now * 1000 + offset_ms

    def order_address(self, seller: Party, nonce: int = 1) -> Pubkey:
        """Where an order that is made now lies."""
        return self.addresses.order(seller.wallet, self.nonce(nonce))

    def offer_address(self, buyer: Party, nonce: int = 1) -> Pubkey:
        """Where an offer that is made now lies."""
        return self.addresses.offer(buyer.wallet, self.nonce(nonce))

    def create_order(
        self,
        seller: Party,
        nonce: int = 1,
        amount_mwh: int = 10 * KWH,
        price_micro_grx: int = PRICE,
        expires_at: int = 0,
        **changed: Pubkey,
    ) -> Instruction:
        order = changed.get("order", self.order_address(seller, nonce))
        arguments = {
            "nonce": self.nonce(nonce),
            "amount_mwh": amount_mwh,
            "price_micro_grx": price_micro_grx,
            "expires_at": expires_at,
        }
        accounts = {
            "market": self.addresses.market(),
            "seller": seller.wallet,
            "seller_user": self.addresses.user(seller.wallet),
            "order": order,
            "escrow": self.addresses.escrow(order),
            "seller_energy": seller.energy,
            "energy_mint": self.energy_mint,
            "payer": self.world.payer.pubkey(),
        }
        return self.program.instruction("create_order", arguments, accounts | changed)

    def match_order(
        self,
        sale: Sale,
        buyer: Party,
        amount_mwh: int = 10 * KWH,
        price_micro_grx: int = PRICE,
        **changed: Pubkey,
    ) -> Instruction:
        arguments = {"amount_mwh": amount_mwh, "price_micro_grx": price_micro_grx}
        accounts = {
            "market": self.addresses.market(),
            "order": sale.address,
            "escrow": sale.escrow,
            "buyer": buyer.wallet,
            "buyer_user": self.addresses.user(buyer.wallet),
            "buyer_energy": buyer.energy,
            "buyer_grx": buyer.grx,
            "seller_grx": sale.seller.grx,
        }
        return self.program.instruction("match_order", arguments, accounts | changed)

    def end_order(self, name: str, sale: Sale, **changed: Pubkey) -> Instruction:
        """`cancel`, `expire` or `close_order`."""
        accounts = {
            "market": self.addresses.market(),
            "order": sale.address,
            "escrow": sale.escrow,
            "seller_energy": sale.seller.energy,
        }
        if name == "cancel":
            accounts["seller"] = sale.seller.wallet
        if name == "close_order":
            accounts["rent_payer"] = self.world.payer.pubkey()
        return self.program.instruction(name, {}, accounts | changed)

    def create_offer(
        self,
        buyer: Party,
        nonce: int = 1,
        amount_mwh: int = 10 * KWH,
        price_micro_grx: int = PRICE,
        expires_at: int = 0,
        **changed: Pubkey,
    ) -> Instruction:
        offer = changed.get("offer", self.offer_address(buyer, nonce))
        arguments = {
            "nonce": self.nonce(nonce),
            "amount_mwh": amount_mwh,
            "price_micro_grx": price_micro_grx,
            "expires_at": expires_at,
        }
        accounts = {
            "market": self.addresses.market(),
            "buyer": buyer.wallet,
            "buyer_user": self.addresses.user(buyer.wallet),
            "offer": offer,
            "escrow": self.addresses.escrow(offer),
            "buyer_grx": buyer.grx,
            "grx_mint": self.grx_mint,
            "payer": self.world.payer.pubkey(),
        }
        return self.program.instruction("create_offer", arguments, accounts | changed)

    def accept_offer(
        self,
        bid: Bid,
        seller: Party,
        amount_mwh: int = 10 * KWH,
        price_micro_grx: int = PRICE,
        **changed: Pubkey,
    ) -> Instruction:
        arguments = {"amount_mwh": amount_mwh, "price_micro_grx": price_micro_grx}
        accounts = {
            "market": self.addresses.market(),
            "offer": bid.address,
            "escrow": bid.escrow,
            "seller": seller.wallet,
            "seller_user": self.addresses.user(seller.wallet),
            "seller_energy": seller.energy,
            "seller_grx": seller.grx,
            "buyer_energy": bid.buyer.energy,
        }
        return self.program.instruction("accept_offer", arguments, accounts | changed)

    def end_offer(self, name: str, bid: Bid, **changed: Pubkey) -> Instruction:
        """`cancel_offer`, `expire_offer` or `close_offer`."""
        accounts = {
            "market": self.addresses.market(),
            "offer": bid.address,
            "escrow": bid.escrow,
            "buyer_grx": bid.buyer.grx,
        }
        if name == "cancel_offer":
            accounts["buyer"] = bid.buyer.wallet
        if name == "close_offer":
            accounts["rent_payer"] = self.world.payer.pubkey()
        return self.program.instruction(name, {}, accounts | changed)

    def bid(self, buyer: Party, nonce: int = 1, **arguments: Any) -> Bid:
        """Create an offer."""
        self.world.send(self.create_offer(buyer, nonce, **arguments), signers=[buyer.key])
        address = self.offer_address(buyer, nonce)
        return Bid(address, self.addresses.escrow(address), buyer, self.nonce(nonce))

    def sale(self, seller: Party, nonce: int = 1, **arguments: Any) -> Sale:
        """Create an order."""
        instruction = self.create_order(seller, nonce, **arguments)
        self.world.send(instruction, signers=[seller.key])
        address = self.order_address(seller, nonce)
        return Sale(address, self.addresses.escrow(address), seller, self.nonce(nonce))

    def buy(
        self, sale: Sale, buyer: Party, amount_mwh: int = 10 * KWH, price_micro_grx: int = PRICE
    ) -> Outcome:
        """Match an order."""
        instruction = self.match_order(sale, buyer, amount_mwh, price_micro_grx)
        return self.world.send(instruction, signers=[buyer.key])

    def outlast(self, entry: Sale | Bid) -> None:
        """Let time pass until nothing can be made under the entry's nonce any more."""
        spent_ms = entry.nonce + NONCE_WINDOW_MS
        self.world.set_time(max(self.world.now, spent_ms // 1000 + 1))

    def order(self, sale: Sale) -> dict[str, Any]:
        """The order account."""
        return self.world.account(self.program, "Order", sale.address)

    def offer(self, bid: Bid) -> dict[str, Any]:
        """The offer account."""
        return self.world.account(self.program, "Offer", bid.address)

    def market(self) -> dict[str, Any]:
        """The market account."""
        return self.world.account(self.program, "Market", self.addresses.market())

    def balances(self, *parties: Party) -> list[tuple[int, int]]:
        """ENERGY and GRX of each party."""
        return [
            (self.world.balance(party.energy), self.world.balance(party.grx)) for party in parties
        ]
