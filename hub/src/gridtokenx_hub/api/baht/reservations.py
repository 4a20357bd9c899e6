"""Buying for baht: a part of an order is reserved on chain, and the hub's quote goes with it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from gridtokenx_hub.api.baht.models import ReservedOrder
from gridtokenx_hub.api.baht.payable import bridge_of, not_offered, payable
from gridtokenx_hub.api.context import ApiContext
from gridtokenx_hub.api.http.problems import Problem, unavailable
from gridtokenx_hub.api.market.book_entries import draw_nonce, read_open_entry
from gridtokenx_hub.api.market.market import iso_of_unix
from gridtokenx_hub.api.market.orders import left_mwh, price_of_part
from gridtokenx_hub.api.market.trading_models import MatchOrder
from gridtokenx_hub.api.transactions.delivery import Plan, deliver
from gridtokenx_hub.api.transactions.idempotency import Attempt
from gridtokenx_hub.chain import TransactionRefused
from gridtokenx_protocol.units import format_grx, format_kwh

if TYPE_CHECKING:  # only a hub that sells for baht needs it
    from gridtokenx_hub.bridge import Bridge, EvmAccount

STEP = "reserve_order"
RESERVE_UNITS = 30_000
TRIES = 3
MICRO = 1_000_000
PASSING = frozenset({"AmountMismatch", "InvalidNonce", "ReservationOpen"})
"""Refusals of what was true a moment ago: price, clock, or another request of the same buyer."""
NO_TREASURY = frozenset({"InsufficientBalance", "InvalidTokenAccount", "Unauthorized"})
"""Refusals that mean the treasury: it alone pays and signs."""
_EVENT = """
SELECT e.data FROM reservations r
  JOIN events e ON e.tx_signature = r.tx_signature
                AND e.program = 'trading' AND e.name = 'Reserved'
 WHERE r.reservation_id = $1
"""


async def reserve_order(
    context: ApiContext, attempt: Attempt, body: MatchOrder, user_id: int
) -> ReservedOrder:
    """Reserve all that an order has left, or a part of it, for a buyer who will pay in baht.

    A buyer has one open reservation: asked for again, it is answered again.

    Raises:
        Problem: BahtNotOffered, NoGuardians, NoEvmAccount (409); InvalidOrder, there is no such
            order or it is not for sale any more; StalePrice, ReservationOpen (409); NoBahtSales
            (503), the treasury has no GRX for the seller.
        TransactionRefused: the program's own refusal, such as SelfTradingNotAllowed.
        ChainUnavailable: one of the two chains does not answer.
    """
    bridge, wallet = bridge_of(context), Pubkey.from_string(body.buyer_wallet)
    account = await _account(context, bridge, user_id, wallet)
    await bridge.token()  # asked for before anything is reserved: without it nobody can pay

    async def plan() -> Plan:
        return await _plan(context, bridge, wallet, body)

    for tries_left in reversed(range(TRIES)):
        found = None if STEP in attempt.journal else await _open(context, wallet, body)
        if found is None:
            try:
                delivered = await deliver(context, attempt, STEP, plan)
            except TransactionRefused as refused:
                attempt.forget(STEP)
                if refused.name in PASSING and tries_left:
                    continue
                raise _meaning(refused) from refused
            found = Pubkey.from_string(delivered.facts["reservation_id"])
        return await _answer(context, bridge, found, user_id, account)
    raise AssertionError  # pragma: no cover - the last try returns or raises


async def _account(context: ApiContext, bridge: Bridge, user_id: int, wallet: Pubkey) -> EvmAccount:
    """Return the account that a user pays from; drawn for one whose wallet the hub holds, too."""
    account = await bridge.accounts.in_use(user_id)
    if account is None and await context.vault.holds(wallet):
        account = await bridge.accounts.choose_held(user_id, wallet)
    if account is None:
        raise Problem(
            409, "NoEvmAccount", "say first from which account you pay: POST /api/bridge/account"
        )
    return account


async def _open(context: ApiContext, wallet: Pubkey, body: MatchOrder) -> Pubkey | None:
    """Return the buyer's open reservation of this very order, None when there is none at all.

    Raises:
        Problem: 409 ReservationOpen, of another order or amount, or its time to pay is over.
    """
    trader = await _account_of(context, "Trader", context.addresses.trader(wallet))
    if trader is None or trader["open_reservation"] == Pubkey.default():
        return None
    address: Pubkey = trader["open_reservation"]
    terms = await _account_of(context, "Reservation", address)
    if terms is None:
        return None
    is_same = str(terms["order"]) == body.order_id and body.amount_mwh in (
        None,
        terms["amount_mwh"],
    )
    if is_same and context.clock().timestamp() <= terms["pay_deadline"]:
        return address
    raise Problem(
        409,
        "ReservationOpen",
        f"reservation {address} of order {terms['order']} is open: pay for it, or wait until it is"
        " released",
        members={"reservation_id": str(address), "order_id": str(terms["order"])},
    )


async def _plan(context: ApiContext, bridge: Bridge, wallet: Pubkey, body: MatchOrder) -> Plan:
    addresses, address = context.addresses, Pubkey.from_string(body.order_id)
    order = await read_open_entry(context, "Order", address)
    guardians = await _account_of(context, "Guardians", addresses.guardians())
    if guardians is None:
        raise Problem(409, "NoGuardians", "nobody attests payments in baht yet: pay with GRX")
    _require_bridge(bridge, guardians)
    price = await _account_of(context, "Price", addresses.price())
    if price is None:
        raise Problem(409, "StalePrice", "the price feed has no rate yet: pay with GRX")
    amount_mwh = left_mwh(order) if body.amount_mwh is None else body.amount_mwh
    rate = price["rate_micro_thb_per_grx"]
    arguments = {
        "nonce": draw_nonce(context),
        "amount_mwh": amount_mwh,
        "payment_micro_thbc": -(-price_of_part(order, amount_mwh) * rate // MICRO),
    }
    reservation = addresses.reservation(wallet, arguments["nonce"])
    treasury, grx = context.keys.treasury, addresses.grx_mint()

    def instructions(payer: Pubkey) -> Sequence[Instruction]:
        accounts = {
            "market": addresses.market(),
            "treasury": treasury.pubkey(),
            "treasury_grx": addresses.associated_token(treasury.pubkey(), grx),
            "order": address,
            "buyer": wallet,
            "buyer_user": addresses.user(wallet),
            "trader": addresses.trader(wallet),
            "reservation": reservation,
            "reservation_escrow": addresses.escrow(reservation),
            "grx_mint": grx,
            "price": addresses.price(),
            "guardians": addresses.guardians(),
            "payer": payer,
        }
        return [context.programs["trading"].instruction(STEP, arguments, accounts)]

    facts = {"reservation_id": str(reservation)}
    return Plan(instructions, (), RESERVE_UNITS, facts, signers=(treasury,))


async def _answer(
    context: ApiContext, bridge: Bridge, reservation: Pubkey, user_id: int, account: EvmAccount
) -> ReservedOrder:
    terms = await _account_of(context, "Reservation", reservation)
    if terms is None:  # matched or released since: an earlier try of this request made it
        raise Problem(
            409,
            "ReservationOver",
            f"reservation {reservation} is over: GET /api/bridge/payments tells how it ended",
        )
    _require_bridge(bridge, terms)
    signed = await bridge.quotes.make(reservation, terms, user_id, account.address)
    event = await context.pool.fetchval(_EVENT, str(reservation))
    rate = json.loads(event)["rate_micro_thb_per_grx"] if event else None
    return ReservedOrder(
        order_id=str(terms["order"]),
        seller_wallet=str(terms["seller"]),
        buyer_wallet=str(terms["buyer"]),
        amount_kwh=format_kwh(terms["amount_mwh"]),
        total_price_grx=format_grx(terms["payment_micro_grx"]),
        total_price_thbc=format_grx(terms["payment_micro_thbc"]),
        rate_thb_per_grx=None if rate is None else format_grx(rate),
        status="reserved",
        payment_method="THB",
        reservation_id=str(reservation),
        pay_deadline=iso_of_unix(terms["pay_deadline"]),
        hold_until=iso_of_unix(terms["hold_until"]),
        payment=await payable(bridge, signed),
    )


async def _account_of(context: ApiContext, kind: str, address: Pubkey) -> dict[str, Any] | None:
    """Read an account of the trading program, None where there is none."""
    account = await context.client.account(address)
    if account is None or account.owner != context.addresses.trading:
        return None
    return context.programs["trading"].decode_account(kind, account.data)


def _require_bridge(bridge: Bridge, holder: Mapping[str, Any]) -> None:
    """Check that guardians, or a reservation, are of the bridge that quotes are made for."""
    if (holder["evm_chain_id"], holder["bridge"]) != (bridge.id.chain_id, bridge.id.address):
        raise not_offered()


def _meaning(refused: TransactionRefused) -> Exception:
    """Return the refusal in words for the buyer, who has neither to pay GRX nor to sign."""
    if refused.name in NO_TREASURY:
        return unavailable("NoBahtSales", "no baht sales now, the treasury is out: pay with GRX")
    return refused
