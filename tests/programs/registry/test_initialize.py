"""registry: initialize."""

import pytest
from grid import DAY_S, GENESIS, Grid, other_bump, prefund
from grid import without_signature as unsigned
from harness import deployment_id


def test_makes_the_configuration(grid: Grid) -> None:
    world = grid.world
    outcome = world.send(grid.initialize_registry(), signers=[grid.authority])
    expected = {
        "authority": grid.authority.pubkey(),
        "deployment": deployment_id(GENESIS, world.registry.id),
        "settlement_interval_s": 900,
    }
    config = world.account(world.registry, "Config", world.addresses.registry_config())
    assert config.pop("bump") == 255
    assert config == expected | {"event_sequence": 1}
    [event] = outcome.events
    assert event.name == "DeploymentInitialized"
    assert event.data == expected | {"sequence": 1}


def test_happens_once(grid: Grid) -> None:
    grid.world.send(grid.initialize_registry(), signers=[grid.authority])
    thief = grid.world.wallet()
    grid.world.refuse(
        "AlreadyInitialized", grid.initialize_registry(authority=thief.pubkey()), signers=[thief]
    )


def test_lamports_sent_ahead_do_not_block_it(grid: Grid) -> None:
    prefund(grid.world, grid.world.addresses.registry_config())
    grid.world.send(grid.initialize_registry(), signers=[grid.authority])


@pytest.mark.parametrize("interval_s", [1, 900, DAY_S])
def test_an_interval_divides_the_day(grid: Grid, interval_s: int) -> None:
    instruction = grid.initialize_registry(settlement_interval_s=interval_s)
    grid.world.send(instruction, signers=[grid.authority])


@pytest.mark.parametrize("interval_s", [0, 7, 901, DAY_S + 1, 2 * DAY_S, 2**32 - 1])
def test_another_interval_is_refused(grid: Grid, interval_s: int) -> None:
    instruction = grid.initialize_registry(settlement_interval_s=interval_s)
    grid.world.refuse("InvalidInterval", instruction, signers=[grid.authority])


def test_the_authority_signs(grid: Grid) -> None:
    instruction = unsigned(grid.initialize_registry(), grid.authority.pubkey())
    grid.world.refuse("MissingSignature", instruction)


def test_the_configuration_has_one_address(grid: Grid) -> None:
    program = grid.world.registry.id
    for address in (other_bump([b"config"], program), grid.world.addresses.user(program)):
        instruction = grid.initialize_registry(config=address)
        grid.world.refuse("InvalidAccount", instruction, signers=[grid.authority])
