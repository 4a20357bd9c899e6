"""A reservation that nobody paid: guardians say so, and the trading program gives it up."""

from __future__ import annotations

from pathlib import Path

import pytest
from bridge import BRIDGE, CHAIN_ID, RATE, Bridge, thbc
from exchange import Exchange
from grid import GENESIS, KWH, Grid
from tests.guardian.said import Said
from worlds import MemoryWorld

from gridtokenx_guardian import keys
from gridtokenx_guardian.checks import check_unpaid
from gridtokenx_guardian.facts import Block, Kept, Market
from gridtokenx_guardian.signing import state
from gridtokenx_guardian.signing.decisions import Decisions
from gridtokenx_guardian.signing.signer import Signer
from gridtokenx_guardian.solana.market import TradingMarket
from gridtokenx_programs.attestation import UNPAID, guardian_proof
from gridtokenx_programs.evm import BridgeId, PaymentState

UNPAID_KEPT = Kept(bytes(20), 0, PaymentState.NONE, 0)


@pytest.fixture
def baht() -> Bridge:
    exchange = Exchange(Grid(MemoryWorld()))
    exchange.open()
    return Bridge(exchange, guardians=2, threshold=2)


def test_their_word_gives_it_up(baht: Bridge, tmp_path: Path) -> None:
    drawn = [keys.create(tmp_path / name) for name in ("first", "second")]
    baht.guardians = [own.solana for own in drawn]
    baht.open()
    sale = baht.exchange.sale(baht.exchange.party(energy=10 * KWH))
    reservation = baht.reserve(
        sale, baht.exchange.party(), amount_mwh=2 * KWH, payment_micro_thbc=thbc(6_000_000, RATE)
    )
    terms = baht.terms(reservation)
    late_s = terms["pay_deadline"] + 1
    baht.world.set_time(late_s)
    office = tuple(key.pubkey() for key in baht.guardians)
    market = Market(1, late_s, baht.exchange.grid.deployment, baht.epoch(), office)
    endpoint = TradingMarket(Said(b""), baht.program, baht.addresses, GENESIS)
    attestation = endpoint.attestation(UNPAID, reservation.address, terms, market)
    signed = []
    for own, name in zip(drawn, ("first", "second"), strict=True):
        folder = tmp_path / name
        state.create(folder, own)
        connection = state.open_state(folder, own)
        bridge = BridgeId(CHAIN_ID, BRIDGE)
        check_unpaid(
            UNPAID_KEPT,
            terms,
            bridge=bridge,
            block=Block(1, bytes(32), late_s),
            market=market,
            guardian=own.solana.pubkey(),
        )
        signature = Signer(own, Decisions(connection), bridge).attest(attestation)
        signed.append((own.solana.pubkey(), signature.signature))
        connection.close()
    proof = guardian_proof(signed, signature.digest)
    baht.world.send(proof, baht.release_reservation(reservation))
    assert baht.world.find(reservation.address) is None
