"""The chain is as the model says: every account, balance, supply and lamport."""

from __future__ import annotations

from typing import Any

from bridge import MAXIMUM_GUARDIANS
from model.chain import FUNDS, Chain
from model.listing import Listing, Offer, Order
from model.meter import Meter, device_key
from model.model import Model, Reservation
from model.state import NOBODY, Address, Entry
from solders.token.state import Mint


def check_chain(model: Model, chain: Chain) -> None:
    """Compare all that there is."""
    for party in chain.parties.values():
        assert chain.world.balance(party.energy) == model.energy[party.wallet]
        assert chain.world.balance(party.grx) == model.grx[party.wallet]
    check_supplies(model, chain)
    check_roles(model, chain)
    for meter in model.meters.values():
        check_meter(chain, meter)
    for order in model.orders.values():
        check_entry(chain, "Order", order, model.energy[order.escrow], order_fields(order))
    for offer in model.offers.values():
        check_entry(chain, "Offer", offer, model.grx[offer.escrow], offer_fields(offer))
    for reservation in model.reservations.values():
        held = model.grx[reservation.escrow]
        check_entry(chain, "Reservation", reservation, held, reservation_fields(reservation))
    check_lamports(model, chain)


def check_supplies(model: Model, chain: Chain) -> None:
    """Supplies are what was minted and not burned; the numbers of events have no holes."""
    world, exchange = chain.world, chain.exchange
    energy, grx = (
        Mint.from_bytes(world.data(mint)).supply
        for mint in (exchange.energy_mint, exchange.grx_mint)
    )
    assert energy == model.energy_minted - model.energy_redeemed
    config = chain.account(world.energy_token, "Config", chain.addresses.energy_config())
    assert grx == model.grx_minted == config["grx_minted"]
    assert config["event_sequence"] == model.sequences["energy_token"]
    config = chain.account(world.registry, "Config", chain.addresses.registry_config())
    assert config["event_sequence"] == model.sequences["registry"]


def check_roles(model: Model, chain: Chain) -> None:
    """The market, its price, its guardians, and those who reserved."""
    trading, addresses = chain.world.trading, chain.addresses
    market = chain.account(trading, "Market", addresses.market())
    expected = {role.lower(): holder for role, holder in model.roles.items()} | {
        "paused": model.paused,
        "next_order_number": model.order_count + 1,
        "next_offer_number": model.offer_count + 1,
        "event_sequence": model.sequences["trading"],
    }
    assert {name: market[name] for name in expected} == expected
    price = chain.account(trading, "Price", addresses.price())
    assert (price["rate_micro_thb_per_grx"], price["updated_at"]) == (
        model.price.rate,
        model.price.updated_at,
    )
    office = model.guardians
    unused = (NOBODY,) * (MAXIMUM_GUARDIANS - len(office.guardians))
    assert chain.account(trading, "Guardians", addresses.guardians()) == vars(office) | {
        "count": len(office.guardians),
        "guardians": office.guardians + unused,
    }
    for wallet, trader in model.traders.items():
        assert chain.account(trading, "Trader", addresses.trader(wallet)) == {
            "wallet": wallet,
            "last_reservation_nonce": trader.last_nonce,
            "open_reservation": trader.open_reservation,
        }


def check_meter(chain: Chain, meter: Meter) -> None:
    """A meter's account and its ledger."""
    address = chain.addresses.meter(meter.meter_id)
    account = chain.account(chain.world.registry, "Meter", address)
    expected = {"owner": meter.owner, "status": meter.status}
    for field, key in (("key", meter.key), ("previous_key", meter.previous_key)):
        algorithm, public_key = device_key(key)
        expected[field] = {"algorithm": algorithm, "public_key": public_key}
    expected["previous_key_last_sequence"] = meter.previous_key_last_sequence
    assert {name: account[name] for name in expected} == expected
    ledger = chain.addresses.ledger(meter.meter_id)
    assert chain.account(chain.world.energy_token, "Ledger", ledger) == {
        "meter_id": meter.meter_id,
        "last_sequence": meter.last.sequence,
        "last_time_ms": meter.last.time_ms,
        "produced_mwh": meter.last.produced_mwh,
        "consumed_mwh": meter.last.consumed_mwh,
        "surplus_mwh": meter.last.surplus_mwh,
        "minted_mwh": meter.minted_mwh,
        "redeemed_mwh": meter.redeemed_mwh,
        "daily_allowance_mwh": meter.allowance_mwh,
        "deficit_mwh": meter.deficit_mwh,
        "rebase_sequence": meter.rebase_sequence,
    }


def check_entry(chain: Chain, kind: str, entry: Entry, held: int, fields: dict[str, Any]) -> None:
    """An order, offer or reservation and its escrow; nothing is left of a closed one."""
    if entry.closed:
        assert chain.lamports(entry.address) == chain.lamports(entry.escrow) == 0
        return
    expected = fields | {"nonce": entry.nonce, "rent_payer": entry.sponsor}
    assert chain.account(chain.world.trading, kind, entry.address) == expected
    assert chain.world.balance(entry.escrow) == held


def listing_fields(listing: Listing) -> dict[str, Any]:
    """What orders and offers have in common."""
    return {
        "number": listing.number,
        "amount_mwh": listing.terms.amount_mwh,
        "filled_mwh": listing.filled_mwh,
        "price_micro_grx": listing.terms.price_micro_grx,
        "status": listing.status,
        "created_at": listing.created_at,
        "expires_at": listing.terms.expires_at,
        "entered": False,
    }


def order_fields(order: Order) -> dict[str, Any]:
    """An order's account."""
    return listing_fields(order) | {
        "seller": order.owner,
        "reserved_mwh": order.reserved_mwh,
        "returned_mwh": order.returned_mwh,
        "paid_micro_grx": order.paid_micro_grx,
        "reserved_micro_grx": order.reserved_micro_grx,
        "ending": order.ending or "None",
    }


def offer_fields(offer: Offer) -> dict[str, Any]:
    """An offer's account."""
    return listing_fields(offer) | {"buyer": offer.owner}


def reservation_fields(reservation: Reservation) -> dict[str, Any]:
    """A reservation's account."""
    names = (
        "buyer", "amount_mwh", "payment_micro_grx", "payment_micro_thbc", "evm_chain_id",
        "bridge", "pay_deadline", "hold_until", "treasury",
    )  # fmt: skip
    fields = {name: getattr(reservation, name) for name in names}
    return fields | {"order": reservation.order.address, "seller": reservation.order.owner}


def check_lamports(model: Model, chain: Chain) -> None:
    """Each account has its rent, no more; who paid it has everything else."""
    spent: dict[Address, int] = {}
    for address, sponsor in model.sponsored.items():
        account = chain.world.find(address)
        assert account is not None
        rent = chain.world.rent(len(account.data))
        assert account.lamports == rent
        spent[sponsor] = spent.get(sponsor, 0) + rent
    for sponsor in chain.sponsors:
        assert chain.lamports(sponsor) == FUNDS - spent.get(sponsor, 0)
