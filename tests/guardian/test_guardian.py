"""One look after another at endpoints that a test plays: what is signed, what not, and why."""

from typing import Any

import pytest
from tests.guardian.evm import test_bridge as evm
from tests.guardian.facts import (
    ADDRESSES,
    AMOUNT,
    DEADLINE,
    NOW,
    PAYER,
    RESERVATION,
    TRADING,
    reservation_terms,
)
from tests.guardian.played import STALE_AFTER_S, Played
from tests.guardian.said import Said
from tests.guardian.solana import test_market as solana

from gridtokenx_guardian.guardian import MAX_AHEAD_S
from gridtokenx_programs.attestation import PAID, UNPAID, Attestation


async def test_a_payment_is_attested_as_the_program_makes_it(played: Played) -> None:
    await played.look()
    signed = played.signer.attested(RESERVATION)
    market = ADDRESSES.market()
    terms = reservation_terms()
    expected = Attestation(PAID, solana.DEPLOYMENT, TRADING.id, market, 1, RESERVATION, terms)
    assert signed is not None
    assert signed.message == expected.encode()
    assert played.signer.released(RESERVATION) is None, "not matched yet"


async def test_a_matched_payment_is_released_and_signed_again_for_another_set(
    played: Played,
) -> None:
    played.chains.is_open = False
    await played.look()
    first = played.signer.released(RESERVATION)
    assert first is not None
    assert (first.release.payer, first.release.amount_micro_thbc) == (PAYER, AMOUNT)
    played.chains.epoch = 2
    await played.look()
    again = played.signer.released(RESERVATION)
    assert again is not None
    assert again.release.guardian_epoch == 2


async def test_a_reservation_that_was_given_up_is_not_released(played: Played) -> None:
    played.chains.is_open = False
    played.chains.solana.results["getTransaction"] = solana.transaction()
    await played.look()
    assert played.signer.released(RESERVATION) is None
    assert "not_matched" in played.report["not_signed"][str(RESERVATION)]


async def test_an_ended_payment_is_forgotten(played: Played) -> None:
    for ended in (2, 3):
        played.chains.state = ended
        await played.look()
        assert played.journal.payments() == []
    assert played.kind is None


async def test_unpaid_is_attested_after_the_deadline_and_nothing_else_ever(
    played: Played, caplog: pytest.LogCaptureFixture
) -> None:
    played.chains.nobody_paid()
    await played.look()
    assert played.kind is None
    played.now_s = played.chains.time_s = DEADLINE + 1
    await played.look()
    assert played.kind == UNPAID
    # A payment that its endpoint shows later contradicts what it said: for this it has no word.
    played.chains.payments, played.chains.state = [evm.log()], 1
    played.connection.execute("DELETE FROM marks")
    await played.look()
    assert played.kind == UNPAID
    played.chains.is_open = False
    await played.look()
    assert played.signer.released(RESERVATION) is None
    assert "ContraryDecision" in caplog.text


async def test_where_the_node_lists_nothing_payments_are_attested_still(
    played: Played, caplog: pytest.LogCaptureFixture
) -> None:
    refusing = Said(b'{"id": 5, "error": {"message": "disabled"}}', name="solana")

    async def refuse(method: str, request: dict[str, Any]) -> bytes:
        told = refusing if method == "getProgramAccounts" else played.chains.solana
        refusing.body = b'{"id": %d, "error": {"message": "disabled"}}' % request["id"]
        return await Said._post(told, method, request)

    played.guardian._market._rpc._post = refuse  # type: ignore[method-assign] # one method refused
    await played.look()
    await played.look()
    assert played.kind == PAID
    assert caplog.text.count("unpaid reservations are not attested") == 1


@pytest.mark.parametrize("age_s", [STALE_AFTER_S + 1, -MAX_AHEAD_S - 1])
async def test_what_is_too_old_or_from_the_future_is_not_believed(
    played: Played, age_s: int, caplog: pytest.LogCaptureFixture
) -> None:
    played.now_s = NOW + age_s
    await played.look()
    assert played.kind is None
    assert "OutOfTime: evm endpoint" in caplog.text
    played.chains.evm.results["eth_getBlockByNumber"] = lambda number, _: evm.header(
        7 if number == "finalized" else int(number, 16), timestamp=hex(played.now_s)
    )
    await played.look()
    assert played.kind is None
    assert "OutOfTime: solana endpoint" in caplog.text


@pytest.mark.parametrize("endpoint", ["evm", "solana"])
async def test_a_fault_is_told_once_and_when_it_is_over(
    played: Played, endpoint: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    said = getattr(played.chains, endpoint)
    said.body = b"nonsense"
    for _ in range(3):
        await played.look()
    assert played.kind is None
    assert caplog.text.count("EndpointNonsense") == 1
    assert "not JSON" in played.report["endpoints"][endpoint]["fault"]
    said.body = None
    await played.look()
    assert played.kind == PAID
    assert "looking again" in caplog.text
    assert played.report["endpoints"][endpoint]["fault"] is None


async def test_a_disk_that_takes_nothing_signs_nothing(played: Played) -> None:
    played.connection.execute("PRAGMA query_only = 1")
    await played.look()
    assert "StateError" in played.report["state"]["fault"]
    assert played.kind is None
    played.connection.execute("PRAGMA query_only = 0")
    await played.look()
    assert played.kind == PAID
