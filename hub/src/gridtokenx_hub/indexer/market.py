"""What the trading program's events change: orders, offers, reservations, trades and prices."""

from collections.abc import Mapping

from gridtokenx_hub.indexer.events import ChainEvent, Handler, chain_time
from gridtokenx_hub.leadership import Connection

STATUS = ("active", "active", "matching", "filled", "cancelled", "expired")
PAYMENT_METHODS = ("GRX", "THB")
THB = PAYMENT_METHODS.index("THB")


async def _order_created(connection: Connection, event: ChainEvent) -> None:
    expires_at = event.integer("expires_at")
    await connection.execute(
        "INSERT INTO orders (order_id, number, seller_wallet, amount_mwh, filled_mwh,"
        " price_micro_grx, status, expires_at, created_at, tx_signature)"
        " VALUES ($1, $2, $3, $4, 0, $5, 'active', $6, $7, $8)",
        event.text("order"),
        event.integer("number"),
        event.text("seller"),
        event.integer("amount_mwh"),
        event.integer("price_micro_grx"),
        chain_time(expires_at) if expires_at else None,
        chain_time(event.integer("timestamp")),
        event.tx_signature,
    )


async def _order_changed(connection: Connection, event: ChainEvent) -> None:
    """Cancelled, expired, reserved or released: the event carries how the order is now."""
    await connection.execute(
        "UPDATE orders SET reserved_mwh = $2, status = $3 WHERE order_id = $1",
        event.text("order"),
        event.integer("reserved_mwh"),
        STATUS[event.integer("status")],
    )


async def _order_closed(connection: Connection, event: ChainEvent) -> None:
    await connection.execute(
        "UPDATE orders SET closed_at = $2 WHERE order_id = $1",
        event.text("order"),
        chain_time(event.integer("timestamp")),
    )


async def _trade_executed(connection: Connection, event: ChainEvent) -> None:
    time = chain_time(event.integer("timestamp"))
    status = STATUS[event.integer("status")]
    paid_in_thb = event.integer("payment_method") == THB
    await connection.execute(
        "UPDATE orders SET filled_mwh = $2, status = $3, buyer_wallet = $4, filled_at = $5,"
        " reserved_mwh = reserved_mwh - $6 WHERE order_id = $1",
        event.text("order"),
        event.integer("filled_mwh"),
        status,
        event.text("buyer"),
        time if status == "filled" else None,
        event.integer("amount_mwh") if paid_in_thb else 0,
    )
    if paid_in_thb:
        await connection.execute(
            "UPDATE reservations SET status = 'matched', ended_at = $2 WHERE reservation_id = $1",
            event.text("reservation"),
            time,
        )
    await _record_trade(
        connection, event, "order", PAYMENT_METHODS[event.integer("payment_method")]
    )


async def _record_trade(
    connection: Connection, event: ChainEvent, kind: str, payment_method: str
) -> None:
    await connection.execute(
        "INSERT INTO transactions (event_sequence, order_id, seller_wallet, buyer_wallet,"
        " amount_mwh, price_micro_grx, total_micro_grx, payment_method, tx_signature, timestamp)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        event.sequence,
        event.text(kind),
        event.text("seller"),
        event.text("buyer"),
        event.integer("amount_mwh"),
        event.integer("price_micro_grx"),
        event.integer("payment_micro_grx"),
        payment_method,
        event.tx_signature,
        chain_time(event.integer("timestamp")),
    )


async def _offer_created(connection: Connection, event: ChainEvent) -> None:
    expires_at = event.integer("expires_at")
    await connection.execute(
        "INSERT INTO offers (offer_id, number, buyer_wallet, amount_mwh, filled_mwh,"
        " price_micro_grx, status, expires_at, created_at, tx_signature)"
        " VALUES ($1, $2, $3, $4, 0, $5, 'active', $6, $7, $8)",
        event.text("offer"),
        event.integer("number"),
        event.text("buyer"),
        event.integer("amount_mwh"),
        event.integer("price_micro_grx"),
        chain_time(expires_at) if expires_at else None,
        chain_time(event.integer("timestamp")),
        event.tx_signature,
    )


async def _offer_changed(connection: Connection, event: ChainEvent) -> None:
    await connection.execute(
        "UPDATE offers SET filled_mwh = $2, status = $3 WHERE offer_id = $1",
        event.text("offer"),
        event.integer("filled_mwh"),
        STATUS[event.integer("status")],
    )


async def _offer_closed(connection: Connection, event: ChainEvent) -> None:
    await connection.execute(
        "UPDATE offers SET closed_at = $2 WHERE offer_id = $1",
        event.text("offer"),
        chain_time(event.integer("timestamp")),
    )


async def _offer_accepted(connection: Connection, event: ChainEvent) -> None:
    await _offer_changed(connection, event)
    await _record_trade(connection, event, "offer", "GRX")


async def _reserved(connection: Connection, event: ChainEvent) -> None:
    await _order_changed(connection, event)
    await connection.execute(
        "INSERT INTO reservations (reservation_id, order_id, buyer_wallet, amount_mwh,"
        " micro_grx, micro_thbc, pay_deadline, hold_until, status, tx_signature)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'open', $9)",
        event.text("reservation"),
        event.text("order"),
        event.text("buyer"),
        event.integer("amount_mwh"),
        event.integer("payment_micro_grx"),
        event.integer("payment_micro_thbc"),
        chain_time(event.integer("pay_deadline")),
        chain_time(event.integer("hold_until")),
        event.tx_signature,
    )


async def _reservation_released(connection: Connection, event: ChainEvent) -> None:
    await _order_changed(connection, event)
    await connection.execute(
        "UPDATE reservations SET status = 'released', ended_at = $2 WHERE reservation_id = $1",
        event.text("reservation"),
        chain_time(event.integer("timestamp")),
    )


async def _price_updated(connection: Connection, event: ChainEvent) -> None:
    await connection.execute(
        "INSERT INTO prices (event_sequence, micro_thb_per_grx, timestamp) VALUES ($1, $2, $3)",
        event.sequence,
        event.integer("rate_micro_thb_per_grx"),
        chain_time(event.integer("timestamp")),
    )


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
