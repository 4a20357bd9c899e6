"""trading: events come from the program alone, and are counted without holes."""

import pytest
from exchange import Exchange
from grid import KWH
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair

from gridtokenx_programs.idl import discriminator
from gridtokenx_programs.program import EVENT_TAG

FORGED = EVENT_TAG + discriminator("event", "OrderCreated") + bytes(136)


@pytest.mark.parametrize("extra_accounts", [0, 1])
def test_nobody_else_can_emit_one(exchange: Exchange, extra_accounts: int) -> None:
    stranger = Keypair()
    authority = exchange.program.event_authority
    extra = [AccountMeta(stranger.pubkey(), is_signer=False, is_writable=False)] * extra_accounts
    for accounts, signers in (
        ([AccountMeta(stranger.pubkey(), is_signer=True, is_writable=False)], [stranger]),
        ([AccountMeta(authority, is_signer=False, is_writable=False)], []),
        ([], []),
    ):
        forged = Instruction(exchange.program.id, FORGED, accounts + extra)
        exchange.world.refuse("Unauthorized", forged, signers=signers)


def test_another_programs_event_authority_does_not_do(exchange: Exchange) -> None:
    seller = exchange.party(energy=10 * KWH)
    instruction = exchange.create_order(
        seller, event_authority=exchange.world.registry.event_authority
    )
    exchange.world.refuse("InvalidAccount", instruction, signers=[seller.key])


def test_the_sequence_has_no_holes(exchange: Exchange) -> None:
    seller, buyer = exchange.party(energy=100 * KWH), exchange.party(grx=100 * KWH)
    sequences = [exchange.market()["event_sequence"]]
    for nonce in (1, 2, 3):
        sale = exchange.sale(seller, nonce)
        sequences.append(exchange.market()["event_sequence"])
        refused = exchange.match_order(sale, buyer, amount_mwh=999)
        exchange.world.refuse("InvalidAmount", refused, signers=[buyer.key])
        [event] = exchange.buy(sale, buyer, 2 * KWH).events
        sequences.append(event.data["sequence"])
    assert sequences == list(range(1, 8))
