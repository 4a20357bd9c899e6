"""Events: what our programs accept as their own, and how they are numbered."""

import pytest
from grid import Caller, Grid
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from worlds import World

from gridtokenx_programs import Addresses, Program, load
from gridtokenx_programs.program import EVENT_AUTHORITY_SEED, EVENT_TAG

FORGED = EVENT_TAG + bytes(64)


@pytest.fixture(params=["registry", "energy_token"])
def program(world: World, request: pytest.FixtureRequest) -> Program:
    return next(program for program in world.programs.values() if program.idl.name == request.param)


def event(program: Program, *authorities: tuple[Pubkey, bool]) -> Instruction:
    metas = [AccountMeta(key, is_signer, is_writable=False) for key, is_signer in authorities]
    return Instruction(program.id, FORGED, metas)


def test_the_event_authority_without_its_signature(world: World, program: Program) -> None:
    world.refuse("Unauthorized", event(program, (program.event_authority, False)))


def test_a_wallet_as_event_authority(world: World, program: Program) -> None:
    thief = world.wallet(0)
    world.refuse("Unauthorized", event(program, (thief.pubkey(), True)), signers=[thief])


def test_a_wallet_beside_the_event_authority(world: World, program: Program) -> None:
    thief = world.wallet(0)
    forged = event(program, (thief.pubkey(), True), (program.event_authority, False))
    world.refuse("Unauthorized", forged, signers=[thief])


def test_nobody_as_event_authority(world: World, program: Program) -> None:
    world.refuse("Unauthorized", event(program))


def test_the_event_authority_of_another_program(
    world: World, program: Program, caller: Caller
) -> None:
    """Any program can sign for a PDA of its own."""
    through = caller.call(event(program, (caller.authority, False)))
    code = next(c for c, item in program.idl.errors.items() if item.name == "Unauthorized")
    world.refuse(f"Custom({code})", through)


def test_another_program_cannot_sign_for_ours(
    world: World, program: Program, caller: Caller
) -> None:
    forged = caller.call(event(program, (program.event_authority, True)))
    metas = [
        AccountMeta(meta.pubkey, is_signer=False, is_writable=False) for meta in forged.accounts
    ]
    through = Instruction(forged.program_id, bytes(forged.data), metas)
    code = next(c for c, item in program.idl.errors.items() if item.name == "Unauthorized")
    world.refuse(f"Custom({code})", through)


@pytest.mark.parametrize("data", [b"", bytes(7), bytes(8), b"\xff" * 40])
def test_an_unknown_instruction(world: World, program: Program, data: bytes) -> None:
    world.refuse("UnknownInstruction", Instruction(program.id, data, []))


def test_events_are_numbered_without_a_gap(grid: Grid) -> None:
    world = grid.world
    sites = [grid.site() for _ in range(2)]
    wallet = world.wallet(0)
    grx = world.put_tokens(world.addresses.grx_mint(), wallet.pubkey())
    outcomes = [
        world.send(grid.mint_grx(grx, 1), signers=[grid.treasury]),
        *(site.settle(site.reading()) for site in sites),
        world.send(grid.mint_grx(grx, 2), grid.mint_grx(grx, 3), signers=[grid.treasury]),
    ]
    numbers = [event.data["sequence"] for outcome in outcomes for event in outcome.events]
    assert numbers == [4, 5, 6, 7, 8]  # after TokensInitialized and two LedgerOpened


@pytest.mark.in_memory
def test_a_program_deployed_elsewhere_tells_its_events_too(world: World) -> None:
    """Under another address the event authority has another bump, which is searched for."""
    candidates = (Pubkey.new_unique() for _ in range(1_000))
    address = next(
        candidate
        for candidate in candidates
        if Pubkey.find_program_address([EVENT_AUTHORITY_SEED], candidate)[1] == 251
    )
    elsewhere = load("registry", address=address)
    world.place_program(address, elsewhere.elf())
    world.programs[address] = world.registry = elsewhere
    world.addresses = Addresses(address, world.energy_token.id, world.trading.id)
    grid = Grid(world)
    grid.start_registry()
    wallet = world.wallet(0)
    [event] = world.send(grid.register_user(wallet.pubkey()), signers=[wallet]).events
    assert event.name == "UserRegistered"
