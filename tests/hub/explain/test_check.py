"""`gtx-hub explain` finds the same lies as the page, and says what it found."""

import json
from pathlib import Path

import lies
import pytest
from houses import Case, house, settle, settled_case
from hub_world import HubWorld

from gridtokenx_edge.records import Range
from gridtokenx_hub.api.explorer.explaining import explainer_of
from gridtokenx_hub.commands import explain as command
from gridtokenx_hub.explain import Explanation, NotASettlement, Readings
from gridtokenx_hub.explain.check import Checker, Step
from gridtokenx_hub.settings import ChainSettings
from gridtokenx_protocol.keys import Algorithm

pytestmark = pytest.mark.asyncio(loop_scope="session")

ALL = ["transaction", "signature", "record", "key", "amount", "chain", "registers"]
# The command reads registers, extras and rule from the reading itself; and compares no text.
OF_THE_PAGE_ALONE = {
    "another signature",
    "another registrar",
    "another power",
    "another raw register",
    "another rule",
    "a register left out",
    "another profile",
    "another document",
    "another digest",
    "another fingerprint",
}


async def explained(world: HubWorld, signature: str) -> Explanation:
    return await explainer_of(world.context).explain(signature, lambda _meter, _owner: True)


async def checked(world: HubWorld, answer: Explanation) -> list[Step]:
    context = world.context
    checker = Checker(context.client, context.programs, explainer_of(context).readings)
    return [step async for step in checker.check(answer)]


@pytest.mark.parametrize("algorithm", list(Algorithm), ids=lambda one: one.name)
async def test_all_is_right(
    world: HubWorld, case: Case, p256_case: Case, algorithm: Algorithm
) -> None:
    shown = case if algorithm is Algorithm.ED25519 else p256_case
    for signature in (shown.first, shown.second):
        steps = await checked(world, await explained(world, signature))
        assert [(step.name, step.state) for step in steps] == [(name, "right") for name in ALL]


@pytest.mark.parametrize("lie", sorted(lies.EXPLANATION.keys() - OF_THE_PAGE_ALONE))
async def test_lies(world: HubWorld, case: Case, lie: str) -> None:
    failing, alter = lies.EXPLANATION[lie]
    altered = alter((await explained(world, case.second)).content())
    steps = await checked(world, Explanation.model_validate(altered))
    assert next(step.name for step in steps if step.state == "wrong") == failing


@pytest.mark.parametrize(
    "lie",
    sorted(
        lies.READINGS.keys()
        & {
            "another byte of a reading",
            "another byte of the last reading",
            "other extras of a reading",
        }
    ),
)
async def test_lies_about_the_chain(world: HubWorld, case: Case, lie: str) -> None:
    explainer = explainer_of(world.context)

    async def altered(signature: str, meter_id: bytes, below: int) -> Readings:
        page = await explainer.readings(signature, meter_id, below)
        return Readings.model_validate(lies.READINGS[lie](page.content()))

    checker = Checker(world.context.client, world.context.programs, altered)
    answer = await explained(world, case.second)
    steps = [step async for step in checker.check(answer)]
    assert [step.name for step in steps if step.state == "wrong"] == ["chain"]


async def test_gaps(world: HubWorld, tmp_path: Path) -> None:
    lossy = await house(world, tmp_path)
    lost = (await lossy.read(1, arrives=False)).record.sequence
    await lossy.read(1, dropped=[Range(2, lost)])
    signature = await settle(world, (lossy, await lossy.interval(1)))
    steps = await checked(world, await explained(world, signature))
    assert {step.state for step in steps} == {"right"}


async def test_what_is_no_longer_kept(world: HubWorld, tmp_path: Path) -> None:
    old = await settled_case(world, tmp_path)
    await world.pool.execute("DELETE FROM readings WHERE meter_id = $1", old.house.config.id)
    steps = await checked(world, await explained(world, old.second))
    assert [step.state for step in steps] == ["right"] * 5 + ["open"] * 2
    assert all("no longer kept" in str(step.left_open) for step in steps[5:])


async def test_the_command(world: HubWorld, case: Case) -> None:
    url = str(await world.pool.fetchval("SELECT current_database()"))
    base = world.context.pool._connect_args[0].rpartition("/")[0]
    chain = ChainSettings(rpc_url=world.context.public_rpc_url)
    answer, steps = await command.run(f"{base}/{url}", chain, case.second)
    text = command.as_text(answer, steps)
    assert text.count("✓") == len(ALL)
    assert "2.0 kWh" in text
    assert case.house.user.wallet in text
    printed = json.loads(command.as_json(answer, steps))
    assert printed["explanation"]["signature"] == case.second
    assert [step["state"] for step in printed["steps"]] == ["right"] * len(ALL)
    with pytest.raises(NotASettlement):
        await command.run(f"{base}/{url}", chain, "1" * 64)
