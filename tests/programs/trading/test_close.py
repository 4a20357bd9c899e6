"""trading: close_order and close_offer, which give the rent back."""

from typing import Any

import pytest
from exchange import Exchange
from grid import KWH, edit_account, with_accounts, with_data
from solders.pubkey import Pubkey

GRX = 1_000_000
KINDS = ["order", "offer"]
TOKEN_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")


class Entry:
    """An order or an offer, closed by the same rules."""

    def __init__(self, exchange: Exchange, kind: str) -> None:
        self.exchange, self.kind = exchange, kind
        self.owner = exchange.party(energy=100 * KWH, grx=100 * GRX)
        self.other = exchange.party(energy=100 * KWH, grx=100 * GRX)
        make: Any = exchange.sale if kind == "order" else exchange.bid
        self.entry: Any = make(self.owner)
        self.mint = exchange.energy_mint if kind == "order" else exchange.grx_mint
        self.token = self.owner.energy if kind == "order" else self.owner.grx
        self.token_name = "seller_energy" if kind == "order" else "buyer_grx"

    def close(self, **changed: Pubkey) -> Any:
        """`close_order` or `close_offer`."""
        end: Any = self.exchange.end_order if self.kind == "order" else self.exchange.end_offer
        return end(f"close_{self.kind}", self.entry, **changed)

    def fill(self) -> None:
        """Trade all of it, and let its nonce become too old to be used."""
        if self.kind == "order":
            self.exchange.buy(self.entry, self.other)
        else:
            accept = self.exchange.accept_offer(self.entry, self.other)
            self.exchange.world.send(accept, signers=[self.other.key])
        self.exchange.outlast(self.entry)

    def cancel(self) -> Any:
        """`cancel` or `cancel_offer`."""
        if self.kind == "order":
            return self.exchange.end_order("cancel", self.entry)
        return self.exchange.end_offer("cancel_offer", self.entry)

    def donate(self, amount: int) -> None:
        """Send tokens to the escrow, on top of what it holds."""
        world = self.exchange.world
        held = world.balance(self.entry.escrow)
        world.put_tokens(self.mint, self.entry.address, held + amount, address=self.entry.escrow)

    def edit(self, **fields: Any) -> None:
        kind, world = self.kind.capitalize(), self.exchange.world
        edit_account(world, self.exchange.program, kind, self.entry.address, **fields)

    def refuse(self, error: str, **changed: Any) -> None:
        self.exchange.world.refuse(error, self.close(**changed))


@pytest.fixture(params=KINDS)
def entry(exchange: Exchange, request: pytest.FixtureRequest) -> Entry:
    return Entry(exchange, request.param)


@pytest.mark.clock_jump
def test_closes_what_is_filled_and_gives_the_rent_back(entry: Entry) -> None:
    exchange, world = entry.exchange, entry.exchange.world
    rent = sum(
        world.find(address).lamports  # type: ignore[union-attr]  # both are there
        for address in (entry.entry.address, entry.entry.escrow)
    )
    entry.fill()
    before = world.lamports(world.payer.pubkey())
    outcome = world.send(entry.close())
    fee = 5_000
    assert world.lamports(world.payer.pubkey()) == before + rent - fee
    for address in (entry.entry.address, entry.entry.escrow):
        assert not world.lamports(address)
    [event] = outcome.events
    assert event.name == f"{entry.kind.capitalize()}Closed"
    owner = "seller" if entry.kind == "order" else "buyer"
    swept = "swept_mwh" if entry.kind == "order" else "swept_micro_grx"
    assert event.data == {
        "sequence": 4,
        entry.kind: entry.entry.address,
        "number": 1,
        owner: entry.owner.wallet,
        swept: 0,
        "timestamp": world.sent_at,
    }
    assert exchange.market()["event_sequence"] == 4
    entry.refuse("InvalidAccount")


@pytest.mark.clock_jump
def test_a_donation_goes_to_whose_escrow_it_was(entry: Entry) -> None:
    world = entry.exchange.world
    world.send(entry.cancel(), signers=[entry.owner.key])
    entry.exchange.outlast(entry.entry)
    entry.donate(7)
    before = world.balance(entry.token)
    entry.refuse("InvalidTokenAccount", **{entry.token_name: entry.other.energy})
    mine_too = world.put_tokens(entry.mint, entry.owner.wallet, delegate=entry.other.wallet)
    entry.refuse("InvalidTokenAccount", **{entry.token_name: mine_too})
    [event] = world.send(entry.close()).events
    assert world.balance(entry.token) == before + 7
    assert event.data["swept_mwh" if entry.kind == "order" else "swept_micro_grx"] == 7


@pytest.mark.clock_jump
def test_an_empty_escrow_needs_no_token_account(entry: Entry) -> None:
    entry.fill()
    entry.exchange.world.send(entry.close(**{entry.token_name: Pubkey.new_unique()}))


@pytest.mark.clock_jump
@pytest.mark.forged
@pytest.mark.parametrize("status", ["Created", "Active", "Matching"])
def test_what_is_alive_is_not_closed(entry: Entry, status: str) -> None:
    entry.exchange.outlast(entry.entry)
    entry.edit(status=status)
    entry.refuse("InvalidOrder")


@pytest.mark.clock_jump
@pytest.mark.forged
def test_what_is_inside_a_trade_is_not_closed(entry: Entry) -> None:
    entry.exchange.outlast(entry.entry)
    entry.edit(status="Filled", entered=True)
    entry.refuse("ReentrancyDetected")


@pytest.mark.clock_jump
@pytest.mark.forged
def test_an_order_with_a_reservation_is_not_closed(exchange: Exchange) -> None:
    entry = Entry(exchange, "order")
    exchange.outlast(entry.entry)
    entry.edit(status="Cancelled", reserved_mwh=1_000)
    entry.refuse("InvalidOrder")


@pytest.mark.clock_jump
def test_the_rent_goes_to_who_paid_it(entry: Entry) -> None:
    entry.fill()
    for thief in (entry.other.wallet, entry.owner.wallet, entry.entry.address):
        entry.refuse("InvalidAccount", rent_payer=thief)


@pytest.mark.clock_jump
@pytest.mark.forged
def test_a_pause_does_not_block_it(entry: Entry) -> None:
    exchange = entry.exchange
    entry.fill()
    market = exchange.addresses.market()
    edit_account(exchange.world, exchange.program, "Market", market, paused=True)
    exchange.world.send(entry.close())


@pytest.mark.clock_jump
def test_the_escrow_is_its_own(entry: Entry) -> None:
    world = entry.exchange.world
    entry.fill()
    lookalike = world.put_tokens(entry.mint, entry.entry.address)
    for escrow in (lookalike, entry.owner.energy):
        entry.refuse("InvalidAccount", escrow=escrow)


@pytest.mark.clock_jump
@pytest.mark.forged
def test_orders_and_offers_are_told_apart(exchange: Exchange) -> None:
    """The account of one kind does not pass for the other, nor for another program's."""
    sale, bid = Entry(exchange, "order"), Entry(exchange, "offer")
    sale.fill()
    bid.fill()
    sale.refuse("InvalidAccount", order=bid.entry.address)
    bid.refuse("InvalidAccount", offer=sale.entry.address)
    world, forged = exchange.world, Pubkey.new_unique()
    world.put(forged, world.registry.id, world.data(sale.entry.address))
    sale.refuse("InvalidAccount", order=forged)


@pytest.mark.clock_jump
def test_a_closed_entry_kept_alive_by_lamports_is_empty(entry: Entry) -> None:
    world = entry.exchange.world
    entry.fill()
    world.send(entry.close())
    world.fund(entry.entry.address, 10_000_000)
    entry.refuse("InvalidAccount")


@pytest.mark.clock_jump
@pytest.mark.parametrize("account", ["token_program", "event_authority", "program", "market"])
def test_the_fixed_accounts_are_checked(entry: Entry, account: str) -> None:
    entry.fill()
    entry.refuse("InvalidAccount", **{account: TOKEN_2022})


@pytest.mark.clock_jump
def test_the_shape_is_checked(entry: Entry) -> None:
    entry.fill()
    close, world = entry.close(), entry.exchange.world
    metas = list(close.accounts)
    for wrong in (metas[:-1], [*metas, metas[-1]]):
        world.refuse("WrongNumberOfAccounts", with_accounts(close, wrong))
    world.refuse("InvalidArguments", with_data(close, bytes(close.data) + b"\0"))
