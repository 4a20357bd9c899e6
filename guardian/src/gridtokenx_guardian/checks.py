"""What must be true before a guardian signs. All facts are final ones of its own endpoints."""

from solders.pubkey import Pubkey

from gridtokenx_guardian.errors import Reason, Refused
from gridtokenx_guardian.facts import (
    Block,
    BridgeGuardians,
    Kept,
    Market,
    Payment,
    Terms,
)
from gridtokenx_programs.evm import BridgeId, PaymentState

PAYMENT_THB = 1
"""How `TradeExecuted` marks a trade that was paid in baht."""


def check_paid(
    payment: Payment,
    kept: Kept,
    terms: Terms,
    *,
    bridge: BridgeId,
    block: Block,
    market: Market,
    guardian: Pubkey,
) -> None:
    """See that an open reservation was paid as it says, and can still be matched.

    Args:
        payment: what the event said.
        kept: what the bridge's storage says at `block`.
        terms: the reservation's account.
        bridge: the configured one.
        block: the newest final block of the EVM chain.
        market: the market at the newest final slot.
        guardian: who is to sign.

    Raises:
        Refused: it was not.
    """
    _require_locked(payment, kept)
    _require_bridge(terms, bridge)
    wallet, amount = terms["buyer"], terms["payment_micro_thbc"]
    deadline_s, hold_until_s = terms["pay_deadline"], terms["hold_until"]
    _require(payment.wallet == wallet, Reason.WRONG_BUYER, f"{payment.wallet}, not {wallet}")
    _require(
        payment.amount_micro_thbc == amount,
        Reason.WRONG_AMOUNT,
        f"{payment.amount_micro_thbc} were paid, not {amount}",
    )
    _require(
        payment.deadline_s == deadline_s,
        Reason.WRONG_DEADLINE,
        f"the quote's deadline is {payment.deadline_s}, not {deadline_s}",
    )
    _require(
        payment.block_time_s <= deadline_s,
        Reason.PAID_LATE,
        f"paid at {payment.block_time_s}, after {deadline_s}",
    )
    # Also by the time of the other chain: there, a refund may be near.
    latest_s = max(market.time_s, block.time_s)
    _require(latest_s <= hold_until_s, Reason.TOO_LATE, f"it was held until {hold_until_s}")
    _require_in_office(guardian in market.guardians)


def check_unpaid(
    kept: Kept,
    terms: Terms,
    *,
    bridge: BridgeId,
    block: Block,
    market: Market,
    guardian: Pubkey,
) -> None:
    """See that a reservation was not paid in time, and that this is final.

    Raises:
        Refused: it was, or could still be, or needs nobody's word any more.
    """
    _require_bridge(terms, bridge)
    _require(kept.state is PaymentState.NONE, Reason.PAID, "it was paid")
    deadline_s, hold_until_s = terms["pay_deadline"], terms["hold_until"]
    # A block's time never falls: with a final one after the deadline, none before it can come.
    earliest_s = min(market.time_s, block.time_s)
    _require(earliest_s > deadline_s, Reason.TOO_EARLY, f"it can be paid until {deadline_s}")
    _require(market.time_s <= hold_until_s, Reason.TOO_LATE, "anybody may release it now")
    _require_in_office(guardian in market.guardians)


def check_release(
    payment: Payment,
    kept: Kept,
    trade: Terms | None,
    *,
    guardians: BridgeGuardians,
    guardian: bytes,
) -> None:
    """See that a payment has done its work: its reservation was matched with it.

    Args:
        payment: what the event said.
        kept: what the bridge's storage says.
        trade: the final `TradeExecuted` that used the reservation up, None where there is none.
        guardians: who is in office at the bridge.
        guardian: address of who is to sign.

    Raises:
        Refused: it has not.
    """
    _require_locked(payment, kept)
    if trade is None:
        raise Refused(Reason.NOT_MATCHED, "no such reservation is open, and none was matched")
    matched = (
        trade["reservation"],
        trade["buyer"],
        trade["payment_micro_thbc"],
        trade["payment_method"],
    )
    paid = (payment.reservation, payment.wallet, kept.amount_micro_thbc, PAYMENT_THB)
    _require(matched == paid, Reason.ANOTHER_TRADE, f"the trade was {matched}")
    _require_in_office(guardian in guardians.addresses)


def _require_locked(payment: Payment, kept: Kept) -> None:
    _require(kept.state is PaymentState.LOCKED, Reason.NOT_LOCKED, f"it is {kept.state.name}")
    said = (payment.payer, payment.amount_micro_thbc, payment.deadline_s)
    _require(
        said == (kept.payer, kept.amount_micro_thbc, kept.deadline_s),
        Reason.CONTRADICTION,
        "event and storage of the bridge differ",
    )


def _require_bridge(terms: Terms, bridge: BridgeId) -> None:
    named = BridgeId(terms["evm_chain_id"], terms["bridge"])
    _require(named == bridge, Reason.ANOTHER_BRIDGE, f"it is to be paid at {named}")


def _require_in_office(is_in_office: bool) -> None:
    _require(is_in_office, Reason.NOT_IN_OFFICE, "this guardian is not in the set in office")


def _require(holds: bool, reason: Reason, detail: str) -> None:
    if not holds:
        raise Refused(reason, detail)
