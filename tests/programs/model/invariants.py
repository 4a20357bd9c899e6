"""The design's invariants, which must hold after every step, by arithmetic of their own."""

from __future__ import annotations

from collections import Counter

from model.listing import Offer, Order
from model.meter import Meter
from model.model import Model
from model.state import GRX_CAP, quote


def check_model(model: Model) -> None:
    """The design's invariants, by arithmetic of their own."""
    check_supplies(model)
    for meter in model.meters.values():
        check_meter(meter)
    for order in model.orders.values():
        check_order(model, order)
    for offer in model.offers.values():
        check_offer(model, offer)
    for reservation in model.reservations.values():
        if not reservation.closed:
            held = model.grx[reservation.escrow] - model.donated[reservation.escrow]
            assert held == reservation.payment_micro_grx
            assert model.traders[reservation.buyer].open_reservation == reservation.address
    check_nobody_gains_without_a_trade(model)


def check_supplies(model: Model) -> None:
    """Tokens are those that were minted, and not yet burned."""
    minted = sum(meter.minted_mwh for meter in model.meters.values())
    redeemed = sum(meter.redeemed_mwh for meter in model.meters.values())
    assert (minted, redeemed) == (model.energy_minted, model.energy_redeemed)
    assert sum(model.energy.values()) == minted - redeemed
    assert sum(model.grx.values()) == model.grx_minted <= GRX_CAP
    assert min(*model.energy.values(), *model.grx.values()) >= 0


def check_meter(meter: Meter) -> None:
    """Nothing was minted that the device did not sign for, nothing redeemed but a deficit."""
    of_these_registers = meter.last.surplus_mwh - meter.started_mwh
    assert meter.minted_mwh == meter.replaced_surplus_mwh + of_these_registers
    assert 0 <= meter.redeemed_mwh <= meter.deficit_mwh


def check_order(model: Model, order: Order) -> None:
    """Escrow, parts and status say the same."""
    amount, price = order.terms.amount_mwh, order.terms.price_micro_grx
    taken = order.filled_mwh + order.reserved_mwh
    assert taken + order.returned_mwh <= amount
    paid = order.paid_micro_grx + order.reserved_micro_grx
    assert paid <= order.terms.total
    if order.filled_mwh == amount:
        assert order.paid_micro_grx == quote(amount, price)
    if order.closed:
        assert not order.reserved
        assert model.energy[order.escrow] == 0
    else:
        held = amount - order.filled_mwh - order.returned_mwh
        assert model.energy[order.escrow] == held + model.donated[order.escrow]
    over = order.filled_mwh + order.returned_mwh == amount
    assert (order.status in {"Filled", "Cancelled", "Expired"}) == over


def check_offer(model: Model, offer: Offer) -> None:
    """Escrow, parts and status say the same."""
    filled, price = offer.filled_mwh, offer.terms.price_micro_grx
    assert filled <= offer.terms.amount_mwh
    assert offer.paid_micro_grx == quote(filled, price)
    left = 0 if offer.status != "Active" else offer.terms.total - offer.paid_micro_grx
    if not offer.closed:
        assert model.grx[offer.escrow] == left + model.donated[offer.escrow]


def check_nobody_gains_without_a_trade(model: Model) -> None:
    """What wallets have is what they got and gave, part by part."""
    energy, grx = Counter(model.other_energy), Counter(model.other_grx)
    for order in model.orders.values():
        energy[order.owner] -= order.terms.amount_mwh - order.returned_mwh
        for part in order.sold:
            energy[part.other] += part.amount_mwh
            grx[part.payer] -= part.payment
            grx[order.owner] += part.payment
        for part in order.reserved.values():
            grx[part.payer] -= part.payment
    for offer in model.offers.values():
        grx[offer.owner] -= offer.held_micro_grx
        for part in offer.sold:
            energy[offer.owner] += part.amount_mwh
            energy[part.other] -= part.amount_mwh
            grx[offer.owner] -= part.payment
            grx[part.other] += part.payment
    escrows = {
        entry.escrow
        for entries in (model.orders, model.offers, model.reservations)
        for entry in entries.values()
    }
    for mine, balances in ((energy, model.energy), (grx, model.grx)):
        for wallet in (mine.keys() | balances.keys()) - escrows:
            assert mine[wallet] == balances[wallet]
