"""The three programs do what a plain model of the design says, whatever is tried on them."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider
from hypothesis.stateful import run_state_machine_as_test
from model.desk import ACCEPTED, OUTCOMES
from model.machine import Deployment

RUNS, STEPS = 70, 70

# Hypothesis' own search follows each run with six that differ from it in a little, which hardly
# helps long ways through many states. As a backend, its generator makes every run a new one;
# failures are shrunk as ever.
INDEPENDENT_RUNS = "independent-runs"
AVAILABLE_PROVIDERS[INDEPENDENT_RUNS] = HypothesisProvider

# What a sample must have tried with success, and been refused for: a rule that is never reached
# proves nothing.
INSTRUCTIONS = {
    "create_order", "match_order", "cancel", "expire", "close_order",
    "create_offer", "accept_offer", "cancel_offer", "expire_offer", "close_offer",
    "reserve_order", "match_order_with_thb", "release_reservation", "update_price",
    "set_guardians", "set_authority", "pause", "resume",
    "settle_meter", "redeem", "rebase_meter", "mint_grx",
    "register_user", "rotate_key", "suspend_meter", "revoke_meter", "transfer_meter",
}  # fmt: skip
REFUSALS = {
    "AmountMismatch", "CapExceeded", "DailyLimitExceeded", "DeficitExceeded",
    "ExportLimitExceeded", "FalseSurplus", "ImportLimitExceeded", "InsufficientBalance",
    "InvalidAccount", "InvalidAmount", "InvalidBridgeProof", "InvalidExpiry", "InvalidGuardians",
    "InvalidNonce", "InvalidOrder", "InvalidPrice", "InvalidRate", "InvalidTokenAccount",
    "MarketPaused", "MeterFaulty", "MeterNotActive", "MeterRevoked", "MissingSignature",
    "NotRegistered", "NotSettled", "RegisterFell", "ReservationOpen", "SelfTradingNotAllowed",
    "SequenceNotHigher", "SignedBeforeRebase", "StalePrice", "TimeNotHigher", "TooEarly",
    "TooLate", "Unauthorized", "UserAlreadyRegistered", "UserNotRegistered", "WrongKey",
}  # fmt: skip


@pytest.mark.soak
def test_the_programs_do_what_the_model_says(soak_times: int) -> None:
    OUTCOMES.clear()
    run_state_machine_as_test(
        Deployment,
        settings=settings(
            max_examples=RUNS * soak_times,
            stateful_step_count=STEPS,
            backend=INDEPENDENT_RUNS,
            # As with deadlines: the machine's speed is no part of the result.
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
    accepted = {name for name, outcomes in OUTCOMES.items() if outcomes[ACCEPTED]}
    refused = {name for name, outcomes in OUTCOMES.items() if outcomes.keys() - {ACCEPTED}}
    assert accepted == INSTRUCTIONS, "some instruction never succeeded"
    assert refused == INSTRUCTIONS, "some instruction was never refused"
    met = {reason for outcomes in OUTCOMES.values() for reason in outcomes}
    assert not REFUSALS - met, "some reason to refuse was never met"
