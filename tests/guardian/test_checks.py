"""Each case is right but for one fact: without its check, it would be signed."""

from collections.abc import Callable

import pytest
from tests.guardian.facts import (
    AMOUNT,
    BRIDGE,
    DEADLINE,
    EVM_GUARDIAN,
    GUARDIAN,
    NOW,
    Facts,
    key,
)

from gridtokenx_guardian.checks import check_paid, check_release, check_unpaid
from gridtokenx_guardian.errors import Reason, Refused
from gridtokenx_guardian.facts import Kept
from gridtokenx_programs.evm import PaymentState

Change = Callable[[Facts], object]
HOLD_UNTIL = DEADLINE + 7200


def paid(facts: Facts) -> None:
    check_paid(
        facts.payment,
        facts.kept,
        facts.terms,
        bridge=BRIDGE,
        block=facts.block,
        market=facts.market,
        guardian=GUARDIAN.pubkey(),
    )


def unpaid(facts: Facts) -> None:
    check_unpaid(
        facts.kept,
        facts.terms,
        bridge=BRIDGE,
        block=facts.block,
        market=facts.market,
        guardian=GUARDIAN.pubkey(),
    )


def release(facts: Facts) -> None:
    check_release(
        facts.payment,
        facts.kept,
        facts.trade,
        guardians=facts.guardians,
        guardian=EVM_GUARDIAN,
    )


def expired() -> Facts:
    """Nobody paid, and the deadline is past on both chains."""
    facts = Facts().times(DEADLINE + 1, DEADLINE + 1)
    facts.kept = Kept(bytes(20), 0, PaymentState.NONE, 0)
    return facts


def refused(check: Callable[[Facts], None], facts: Facts) -> Reason | None:
    try:
        check(facts)
    except Refused as error:
        return error.reason
    return None


PAID: list[tuple[Reason, Change]] = [
    (Reason.NOT_LOCKED, lambda facts: facts.store(state=PaymentState.NONE)),
    (Reason.NOT_LOCKED, lambda facts: facts.store(state=PaymentState.RELEASED)),
    (Reason.NOT_LOCKED, lambda facts: facts.store(state=PaymentState.REFUNDED)),
    (Reason.CONTRADICTION, lambda facts: facts.store(payer=bytes(20))),
    (Reason.CONTRADICTION, lambda facts: facts.store(amount_micro_thbc=AMOUNT - 1)),
    (Reason.CONTRADICTION, lambda facts: facts.store(deadline_s=DEADLINE + 1)),
    (Reason.ANOTHER_BRIDGE, lambda facts: facts.agree(evm_chain_id=1)),
    (Reason.ANOTHER_BRIDGE, lambda facts: facts.agree(bridge=bytes(20))),
    (Reason.WRONG_BUYER, lambda facts: facts.pay(wallet=key("thief"))),
    (Reason.WRONG_AMOUNT, lambda facts: facts.pay(amount_micro_thbc=AMOUNT - 1)),
    (Reason.WRONG_AMOUNT, lambda facts: facts.pay(amount_micro_thbc=AMOUNT + 1)),
    (Reason.WRONG_DEADLINE, lambda facts: facts.pay(deadline_s=DEADLINE - 1)),
    (Reason.WRONG_DEADLINE, lambda facts: facts.pay(deadline_s=DEADLINE + 1)),
    (Reason.PAID_LATE, lambda facts: facts.pay(block_time_s=DEADLINE + 1)),
    (Reason.TOO_LATE, lambda facts: facts.times(NOW, HOLD_UNTIL + 1)),
    (Reason.TOO_LATE, lambda facts: facts.times(HOLD_UNTIL + 1, NOW)),
    (Reason.NOT_IN_OFFICE, Facts.dismissed),
]
UNPAID: list[tuple[Reason, Change]] = [
    (Reason.ANOTHER_BRIDGE, lambda facts: facts.agree(evm_chain_id=1)),
    (Reason.ANOTHER_BRIDGE, lambda facts: facts.agree(bridge=bytes(20))),
    (Reason.PAID, lambda facts: facts.store(state=PaymentState.LOCKED)),
    (Reason.PAID, lambda facts: facts.store(state=PaymentState.REFUNDED)),
    (Reason.TOO_EARLY, lambda facts: facts.times(DEADLINE, DEADLINE + 1)),
    (Reason.TOO_EARLY, lambda facts: facts.times(DEADLINE + 1, DEADLINE)),
    (Reason.TOO_LATE, lambda facts: facts.times(DEADLINE + 1, HOLD_UNTIL + 1)),
    (Reason.NOT_IN_OFFICE, Facts.dismissed),
]
RELEASE: list[tuple[Reason, Change]] = [
    (Reason.NOT_LOCKED, lambda facts: facts.store(state=PaymentState.RELEASED)),
    (Reason.CONTRADICTION, lambda facts: facts.store(payer=bytes(20))),
    (Reason.NOT_MATCHED, lambda facts: setattr(facts, "trade", None)),
    (Reason.ANOTHER_TRADE, lambda facts: facts.traded(reservation=key("another"))),
    (Reason.ANOTHER_TRADE, lambda facts: facts.traded(buyer=key("another"))),
    (Reason.ANOTHER_TRADE, lambda facts: facts.traded(payment_micro_thbc=AMOUNT + 1)),
    (Reason.ANOTHER_TRADE, lambda facts: facts.traded(payment_method=0)),
    (Reason.NOT_IN_OFFICE, Facts.dismissed),
]


def ids(cases: list[tuple[Reason, Change]]) -> list[str]:
    return [f"{reason}-{place}" for place, (reason, _) in enumerate(cases)]


class TestPaid:
    def test_a_right_payment_is_attested(self) -> None:
        assert refused(paid, Facts()) is None

    def test_until_the_last_second(self) -> None:
        assert refused(paid, Facts().pay(block_time_s=DEADLINE)) is None
        assert refused(paid, Facts().times(HOLD_UNTIL, HOLD_UNTIL)) is None

    @pytest.mark.parametrize(("reason", "change"), PAID, ids=ids(PAID))
    def test_a_wrong_one_is_not(self, reason: Reason, change: Change) -> None:
        facts = Facts()
        change(facts)
        assert refused(paid, facts) == reason


class TestUnpaid:
    def test_after_the_deadline_it_is_attested(self) -> None:
        assert refused(unpaid, expired()) is None

    @pytest.mark.parametrize(("reason", "change"), UNPAID, ids=ids(UNPAID))
    def test_otherwise_it_is_not(self, reason: Reason, change: Change) -> None:
        facts = expired()
        change(facts)
        assert refused(unpaid, facts) == reason


class TestRelease:
    def test_a_matched_payment_is_released(self) -> None:
        assert refused(release, Facts()) is None

    @pytest.mark.parametrize(("reason", "change"), RELEASE, ids=ids(RELEASE))
    def test_another_is_not(self, reason: Reason, change: Change) -> None:
        facts = Facts()
        change(facts)
        assert refused(release, facts) == reason


def test_every_reason_has_its_case() -> None:
    assert {reason for reason, _ in [*PAID, *UNPAID, *RELEASE]} == set(Reason)
