"""What the trading program's events change: orders, offers, reservations, trades and prices."""

from collections.abc import Mapping

from gridtokenx_hub.indexer.changes import Changes, Table
from gridtokenx_hub.indexer.events import ChainEvent, Handler, chain_time

STATUS = ("active", "active", "matching", "filled", "cancelled", "expired")
PAYMENT_METHODS = ("GRX", "THB")
THB = PAYMENT_METHODS.index("THB")


def _order_created(changes: Changes, event: ChainEvent) -> None:
    values = {**_listed(event), "seller_wallet": event.text("seller"), "reserved_mwh": 0}
    changes.insert(Table.ORDERS, event.text("order"), values)


def _offer_created(changes: Changes, event: ChainEvent) -> None:
    values = {**_listed(event), "buyer_wallet": event.text("buyer")}
    changes.insert(Table.OFFERS, event.text("offer"), values)


def _listed(event: ChainEvent) -> dict[str, object]:
    expires_at = event.integer("expires_at")
    return {
        "number": event.integer("number"),
        "amount_mwh": event.integer("amount_mwh"),
        "filled_mwh": 0,
        "price_micro_grx": event.integer("price_micro_grx"),
        "status": "active",
        "expires_at": chain_time(expires_at) if expires_at else None,
        "created_at": chain_time(event.integer("timestamp")),
        "tx_signature": event.tx_signature,
    }


def _order_changed(changes: Changes, event: ChainEvent) -> None:
    """Cancelled, expired, reserved or released: the event carries how the order is now."""
    values = {
        "reserved_mwh": event.integer("reserved_mwh"),
        "status": STATUS[event.integer("status")],
    }
    changes.update(Table.ORDERS, event.text("order"), values)


def _order_closed(changes: Changes, event: ChainEvent) -> None:
    values = {"closed_at": chain_time(event.integer("timestamp"))}
    changes.update(Table.ORDERS, event.text("order"), values)


def _trade_executed(changes: Changes, event: ChainEvent) -> None:
    order, time = event.text("order"), chain_time(event.integer("timestamp"))
    status = STATUS[event.integer("status")]
    values = {
        "filled_mwh": event.integer("filled_mwh"),
        "status": status,
        "buyer_wallet": event.text("buyer"),
        "filled_at": time if status == "filled" else None,
    }
    changes.update(Table.ORDERS, order, values)
    if event.integer("payment_method") == THB:
        changes.add(Table.ORDERS, order, "reserved_mwh", -event.integer("amount_mwh"))
        values = {"status": "matched", "ended_at": time}
        changes.update(Table.RESERVATIONS, event.text("reservation"), values)
    _record_trade(changes, event, "order", PAYMENT_METHODS[event.integer("payment_method")])


def _record_trade(changes: Changes, event: ChainEvent, kind: str, payment_method: str) -> None:
    values = {
        "order_id": event.text(kind),
        "seller_wallet": event.text("seller"),
        "buyer_wallet": event.text("buyer"),
        "amount_mwh": event.integer("amount_mwh"),
        "price_micro_grx": event.integer("price_micro_grx"),
        "total_micro_grx": event.integer("payment_micro_grx"),
        "payment_method": payment_method,
        "tx_signature": event.tx_signature,
        "timestamp": chain_time(event.integer("timestamp")),
    }
    changes.insert(Table.TRANSACTIONS, event.sequence, values)


def _offer_changed(changes: Changes, event: ChainEvent) -> None:
    values = {
        "filled_mwh": event.integer("filled_mwh"),
        "status": STATUS[event.integer("status")],
    }
    changes.update(Table.OFFERS, event.text("offer"), values)


def _offer_accepted(changes: Changes, event: ChainEvent) -> None:
    _offer_changed(changes, event)
    _record_trade(changes, event, "offer", "GRX")


def _offer_closed(changes: Changes, event: ChainEvent) -> None:
    values = {"closed_at": chain_time(event.integer("timestamp"))}
    changes.update(Table.OFFERS, event.text("offer"), values)


def _reserved(changes: Changes, event: ChainEvent) -> None:
    _order_changed(changes, event)
    values = {
        "order_id": event.text("order"),
        "buyer_wallet": event.text("buyer"),
        "amount_mwh": event.integer("amount_mwh"),
        "micro_grx": event.integer("payment_micro_grx"),
        "micro_thbc": event.integer("payment_micro_thbc"),
        "pay_deadline": chain_time(event.integer("pay_deadline")),
        "hold_until": chain_time(event.integer("hold_until")),
        "status": "open",
        "tx_signature": event.tx_signature,
    }
    changes.insert(Table.RESERVATIONS, event.text("reservation"), values)


def _reservation_released(changes: Changes, event: ChainEvent) -> None:
    _order_changed(changes, event)
    values = {"status": "released", "ended_at": chain_time(event.integer("timestamp"))}
    changes.update(Table.RESERVATIONS, event.text("reservation"), values)


def _price_updated(changes: Changes, event: ChainEvent) -> None:
    values = {
        "micro_thb_per_grx": event.integer("rate_micro_thb_per_grx"),
        "timestamp": chain_time(event.integer("timestamp")),
    }
    changes.insert(Table.PRICES, event.sequence, values)


HANDLERS: Mapping[str, Handler | None] = {  # None: the event itself says it all
    "MarketInitialized": None,
    "OrderCreated": _order_created,
    "OrderCancelled": _order_changed,
    "OrderExpired": _order_changed,
    "OrderClosed": _order_closed,
    "TradeExecuted": _trade_executed,
    "OfferCreated": _offer_created,
    "OfferAccepted": _offer_accepted,
    "OfferCancelled": _offer_changed,
    "OfferExpired": _offer_changed,
    "OfferClosed": _offer_closed,
    "Reserved": _reserved,
    "ReservationReleased": _reservation_released,
    "PriceUpdated": _price_updated,
    "GuardiansSet": None,
    "AuthoritySet": None,
    "Paused": None,
    "Resumed": None,
}
