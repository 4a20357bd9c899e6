"""The part of the flow that trades: orders, offers, and reservations paid in baht."""

from collections.abc import Mapping
from typing import Any

from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from tests.interop.programs import ADDRESSES

from gridtokenx_programs.attestation import PAID, UNPAID, Attestation, guardian_proof

from .chain import Chain
from .steps import Flow, Read, Step, Wait

KWH = 1_000_000
PRICE_MICRO_GRX = 4_000_000
RATE_MICRO_THB = 10_000_000
CHAIN_ID, BRIDGE = 31_337, bytes(range(100, 120))
GUARDIANS, THRESHOLD, SEATS = 3, 2, 9
PAYMENT_S, NONCE_WINDOW_S = 600, 600
EXPIRY_S = 60


def market(chain: Chain, people: Mapping[str, Keypair]) -> Flow:
    """Entries of each kind are made, traded, and ended in each way."""
    seller, buyer = people["seller"].pubkey(), people["buyer"].pubkey()
    now_s = chain.now_s
    nonces = iter(range(now_s * 1000, now_s * 1000 + 9))

    def terms(kwh: int, expires_at: int = 0) -> dict[str, int]:
        return {
            "nonce": next(nonces),
            "amount_mwh": kwh * KWH,
            "price_micro_grx": PRICE_MICRO_GRX,
            "expires_at": expires_at,
        }

    sales = [terms(3), terms(2, now_s + EXPIRY_S), terms(3)]
    orders = [ADDRESSES.order(seller, sale["nonce"]) for sale in sales]
    for sale, order in zip(sales, orders, strict=True):
        yield Step("trading", "create_order", sale, {"order": order})
        yield Read("trading", "Order", order)
    bids = [terms(2), terms(1, now_s + EXPIRY_S)]
    offers = [ADDRESSES.offer(buyer, bid["nonce"]) for bid in bids]
    for bid, offer in zip(bids, offers, strict=True):
        yield Step("trading", "create_offer", bid, {"offer": offer})
        yield Read("trading", "Offer", offer)
    yield from _trades(orders[0], offers[0])
    yield from _pause(terms(1), seller)
    yield from _baht(chain, people, orders[2])
    yield Wait(NONCE_WINDOW_S + 1)
    yield Step("trading", "expire", {}, {"order": orders[1]})
    yield Step("trading", "expire_offer", {}, {"offer": offers[1]})
    for order in orders[:2]:
        yield Step("trading", "close_order", {}, {"order": order})
    for offer in offers:
        yield Step("trading", "close_offer", {}, {"offer": offer})


def _trades(order: Pubkey, offer: Pubkey) -> Flow:
    """A part of each is taken, the rest cancelled."""
    part = {"amount_mwh": KWH, "price_micro_grx": PRICE_MICRO_GRX}
    other_price = part | {"price_micro_grx": PRICE_MICRO_GRX - 1}
    yield Step(
        "trading", "match_order", part, {"order": order, "buyer": "seller"},
        error="SelfTradingNotAllowed",
    )  # fmt: skip
    yield Step(
        "trading", "match_order", other_price, {"order": order},
        error="AmountMismatch", preflight=False,
    )  # fmt: skip
    yield Step("trading", "match_order", part, {"order": order})
    yield Step("trading", "accept_offer", part, {"offer": offer})
    yield Step("trading", "cancel", {}, {"order": order})
    yield Step("trading", "cancel_offer", {}, {"offer": offer})
    yield Step("trading", "close_order", {}, {"order": order}, error="TooEarly")


def _pause(terms: Mapping[str, int], seller: Pubkey) -> Flow:
    order = {"order": ADDRESSES.order(seller, terms["nonce"])}
    yield Step("trading", "pause")
    for preflight in (True, False):
        yield Step(
            "trading", "create_order", terms, order, error="MarketPaused", preflight=preflight
        )
    yield Step("trading", "resume")


def _baht(chain: Chain, people: Mapping[str, Keypair], order: Pubkey) -> Flow:
    """One reservation is paid and matched, one is not paid and released."""
    for role, holder in (("Treasury", "treasury"), ("Oracle", "oracle")):
        yield Step("trading", "set_authority", {"role": role}, {"new_authority": holder})
    guardians = [Keypair() for _ in range(GUARDIANS)]
    yield Step("trading", "set_guardians", _set_of(guardians))
    yield Read("trading", "Guardians", ADDRESSES.guardians())
    yield Step("trading", "update_price", {"rate_micro_thb_per_grx": RATE_MICRO_THB})
    yield Read("trading", "Price", ADDRESSES.price())
    for nonce, instruction, word in (
        (1, "match_order_with_thb", PAID),
        (2, "release_reservation", UNPAID),
    ):
        buyer = people["buyer"].pubkey()
        reservation = ADDRESSES.reservation(buyer, nonce)
        cast = {"order": order, "reservation": reservation}
        payment = PRICE_MICRO_GRX * RATE_MICRO_THB // 1_000_000
        amounts = {"nonce": nonce, "amount_mwh": KWH, "payment_micro_thbc": payment}
        yield Step("trading", "reserve_order", amounts, cast)
        yield Read("trading", "Reservation", reservation)
        yield Read("trading", "Trader", ADDRESSES.trader(buyer))
        if word == UNPAID:
            yield Wait(PAYMENT_S + 1)
        proof = _attested(chain, reservation, word, guardians[:THRESHOLD])
        yield Step("trading", instruction, {}, cast, (proof,))


def _set_of(guardians: list[Keypair]) -> dict[str, Any]:
    seats = [key.pubkey() for key in guardians] + [Pubkey.default()] * (SEATS - len(guardians))
    return {
        "threshold": THRESHOLD,
        "count": len(guardians),
        "guardians": seats,
        "evm_chain_id": CHAIN_ID,
        "bridge": BRIDGE,
    }


def _attested(
    chain: Chain, reservation: Pubkey, kind: bytes, guardians: list[Keypair]
) -> Instruction:
    """The guardians' signatures of what became of a payment."""
    attestation = Attestation(
        kind=kind,
        deployment=chain.account("registry", "Config", ADDRESSES.registry_config())["deployment"],
        program=ADDRESSES.trading,
        market=ADDRESSES.market(),
        guardian_epoch=chain.account("trading", "Guardians", ADDRESSES.guardians())["epoch"],
        reservation=reservation,
        terms=chain.account("trading", "Reservation", reservation),
    )
    digest = attestation.digest()
    signed = [(key.pubkey(), bytes(key.sign_message(digest))) for key in guardians]
    return guardian_proof(signed, digest)
