"""Register dumps in, readings or errors out."""

from pathlib import Path

import pytest
from tests.edge.meters.golden import CASES, Case

from gridtokenx_edge.errors import MeterReplyError, ReadingRefused
from gridtokenx_edge.meters import (
    Profile,
    Quantity,
    cut_registers,
    decode,
    decode_identity,
    decode_quantity,
    identity_block,
    load_profile,
    locate,
    plan_blocks,
    shipped_profiles,
)


def test_every_profile_has_a_case_and_every_case_a_profile() -> None:
    assert {case.profile for case in CASES} == set(shipped_profiles())


@pytest.mark.parametrize("name", shipped_profiles())
def test_every_profile_has_a_case_with_all_quantities(name: str) -> None:
    assert any(len(case.reading) == len(Quantity) for case in CASES if case.profile == name)


@pytest.fixture(params=CASES, ids=lambda case: f"{case.profile}/{case.name}")
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


async def test_case(case: Case) -> None:
    profile = load_profile(case.profile, Path())
    if case.error and case.error["quantity"] == "model":
        with pytest.raises(MeterReplyError) as missing:
            await locate(profile, case.read)
        assert missing.value.reason == case.error["reason"]
        return
    profile = await locate(profile, case.read)
    for quantity, expected in case.reading.items():
        assert decode_quantity(profile, quantity, await raw(case, profile, quantity)) == expected
    if len(case.reading) == len(Quantity):
        await check_whole(case, profile)
    if case.serial is not None:
        assert decode_identity(profile, await raw_identity(case, profile)) == case.serial
    if case.error:
        with pytest.raises(ReadingRefused) as refused:
            await decode_named(case, profile, case.error["quantity"])
        assert refused.value.reason == case.error["reason"]


async def decode_named(case: Case, profile: Profile, name: str) -> None:
    if name == "identity":
        decode_identity(profile, await raw_identity(case, profile))
    else:
        quantity = Quantity(name)
        decode_quantity(profile, quantity, await raw(case, profile, quantity))


async def check_whole(case: Case, profile: Profile) -> None:
    """The agent's own way: plan, read, cut, decode."""
    replies = {block: await case.read(block) for block in plan_blocks(profile)}
    reading = decode(profile, cut_registers(profile, replies))
    assert case.reading == {
        Quantity.PRODUCED: reading.produced_mwh,
        Quantity.CONSUMED: reading.consumed_mwh,
        Quantity.ACTIVE_POWER: reading.active_power_mw,
        Quantity.VOLTAGE: reading.voltage_mv,
        Quantity.CURRENT: reading.current_ma,
        Quantity.FREQUENCY: reading.frequency_mhz,
    }


async def raw(case: Case, profile: Profile, quantity: Quantity) -> bytes:
    register = profile.registers[quantity]
    for address, words in register.parts:
        assert case.holds(register.function, address, words), f"{quantity} is not in the dump"
    return b"".join(
        case.words[register.function, address + offset]
        for address, words in register.parts
        for offset in range(words)
    )


async def raw_identity(case: Case, profile: Profile) -> bytes:
    block = identity_block(profile)
    assert block is not None
    assert case.holds(block.function, block.address, block.count)
    return await case.read(block)
