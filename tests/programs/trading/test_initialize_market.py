"""trading: initialize_market."""

import pytest
from exchange import Exchange
from grid import Grid, other_bump, prefund, with_accounts, with_data, without_signature
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.token.state import Mint
from worlds import World

from gridtokenx_programs.tokens import TOKEN_PROGRAM

MAX_COMPUTE_UNITS = 5_000


@pytest.fixture
def closed(world: World) -> Exchange:
    """A deployment with registry and mints, but no market yet."""
    exchange = Exchange(Grid(world))
    exchange.grid.start_registry()
    exchange.grid.start_tokens()
    return exchange


def refuse(exchange: Exchange, error: str, **changed: Pubkey) -> None:
    exchange.world.refuse(
        error, exchange.initialize_market(**changed), signers=[exchange.grid.authority]
    )


def test_initializes(closed: Exchange) -> None:
    outcome = closed.world.send(closed.initialize_market(), signers=[closed.grid.authority])
    expected = {
        "authority": closed.grid.authority.pubkey(),
        "registry_program": closed.world.registry.id,
        "energy_mint": closed.energy_mint,
        "grx_mint": closed.grx_mint,
    }
    market = closed.market()
    assert Pubkey.create_program_address(
        [b"market", bytes([market.pop("bump")])], closed.program.id
    ) == (closed.addresses.market())
    authority = closed.grid.authority.pubkey()
    assert market == expected | {
        "treasury": authority,
        "oracle": authority,
        "pauser": authority,
        "deployment": closed.grid.deployment,
        "paused": False,
        "next_order_number": 1,
        "next_offer_number": 1,
        "event_sequence": 1,
    }
    [event] = outcome.events
    assert event.name == "MarketInitialized"
    assert event.data == expected | {"sequence": 1}
    assert outcome.compute_units < MAX_COMPUTE_UNITS


def test_happens_once(exchange: Exchange) -> None:
    before = exchange.market()
    refuse(exchange, "AlreadyInitialized")
    assert exchange.market() == before


def test_lamports_sent_ahead_do_not_block_it(closed: Exchange) -> None:
    prefund(closed.world, closed.addresses.market())
    closed.world.send(closed.initialize_market(), signers=[closed.grid.authority])


def test_only_the_registrys_authority_may(closed: Exchange) -> None:
    stranger = Keypair()
    instruction = closed.initialize_market(authority=stranger.pubkey())
    closed.world.refuse("Unauthorized", instruction, signers=[stranger])


def test_the_authority_and_payer_sign(closed: Exchange) -> None:
    authority = closed.grid.authority
    unsigned = without_signature(closed.initialize_market(), authority.pubkey())
    closed.world.refuse("MissingSignature", unsigned)
    other = closed.world.wallet()
    unpaid = closed.initialize_market(payer=other.pubkey())
    unpaid = without_signature(unpaid, other.pubkey())
    closed.world.refuse("MissingSignature", unpaid, signers=[authority])


def test_the_market_has_one_address(closed: Exchange) -> None:
    second = other_bump([b"market"], closed.program.id)
    for address in (second, Pubkey.new_unique()):
        refuse(closed, "InvalidAccount", market=address)


@pytest.mark.forged
def test_the_registry_is_proven_by_its_config(closed: Exchange) -> None:
    config = closed.addresses.registry_config()
    data = closed.world.data(config)
    refuse(closed, "InvalidAccount", registry_program=closed.world.energy_token.id)
    refuse(closed, "InvalidAccount", registry_config=closed.addresses.energy_config())
    elsewhere = Pubkey.new_unique()
    closed.world.put(elsewhere, closed.world.registry.id, data)
    refuse(closed, "InvalidAccount", registry_config=elsewhere)


@pytest.mark.forged
@pytest.mark.parametrize("name", ["energy_mint", "grx_mint"])
def test_mints_are_classic_in_millionths_and_cannot_freeze(closed: Exchange, name: str) -> None:
    world = closed.world
    mint = world.put_mint(decimals=9)
    refuse(closed, "InvalidMint", **{name: mint})
    freezing = bytes(Mint(None, 0, 6, is_initialized=True, freeze_authority=mint))
    world.put(mint, TOKEN_PROGRAM, freezing)
    refuse(closed, "InvalidMint", **{name: mint})
    unmade = bytes(Mint(None, 0, 6, is_initialized=False))
    world.put(mint, TOKEN_PROGRAM, unmade)
    refuse(closed, "InvalidMint", **{name: mint})
    token_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
    world.put(mint, token_2022, bytes(Mint(None, 0, 6, is_initialized=True)))
    refuse(closed, "InvalidMint", **{name: mint})
    refuse(closed, "InvalidMint", **{name: world.put_tokens(closed.energy_mint, mint)})


def test_energy_and_payment_are_two_mints(closed: Exchange) -> None:
    refuse(closed, "InvalidMint", grx_mint=closed.energy_mint)


@pytest.mark.parametrize("name", ["system_program", "event_authority", "program"])
def test_the_fixed_accounts_are_checked(closed: Exchange, name: str) -> None:
    refuse(closed, "InvalidAccount", **{name: Pubkey.new_unique()})


def test_the_shape_is_checked(closed: Exchange) -> None:
    instruction = closed.initialize_market()
    metas, signers = list(instruction.accounts), [closed.grid.authority]
    fewer, more = with_accounts(instruction, metas[:-1]), with_accounts(instruction, [*metas] * 2)
    one_more = with_accounts(instruction, [*metas, metas[-1]])
    for wrong in (fewer, more, one_more):
        closed.world.refuse("WrongNumberOfAccounts", wrong, signers=signers)
    longer = with_data(instruction, bytes(instruction.data) + b"\0")
    closed.world.refuse("InvalidArguments", longer, signers=signers)
    for data in (b"", b"\0" * 7, b"unknown!"):
        closed.world.refuse("UnknownInstruction", with_data(instruction, data), signers=signers)
