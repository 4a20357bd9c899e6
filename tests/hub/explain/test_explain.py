"""From a transaction back to the meter, over real readings, a real chain and a real database."""

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path

import asyncpg
import httpx
import pytest
from houses import Case, House, house, settle, settled_case
from hub_world import HubWorld, expect, expect_problem
from solders.keypair import Keypair

from gridtokenx_edge.records import Range
from gridtokenx_protocol.keys import Algorithm

pytestmark = pytest.mark.asyncio(loop_scope="session")

SURPLUS_MWH = 2_000_000  # 3 - 1 kWh; the interval after it consumed more than it produced


def path(signature: str, rest: str = "") -> str:
    return f"/api/explain/{signature}{rest}"


async def test_the_whole_way_back(world: HubWorld, case: Case) -> None:
    answer = expect(await world.get(path(case.second), case.house.user.token), 200)
    assert answer["signature"] == case.second
    assert answer["finality"] == "finalized"
    (settled,) = answer["settlements"]
    assert settled["minted_mwh"] == SURPLUS_MWH
    assert settled["total_minted_mwh"] == 3_000_000 + SURPLUS_MWH
    assert settled["owner"] == case.house.user.wallet
    assert settled["meter_id"] == case.house.meter_id
    assert settled["record"]["record"] == case.settled.record.encode().hex()
    assert settled["proof"]["public_key"] == case.house.signer.public_key.hex()
    assert settled["proof"]["message"].endswith(settled["record"]["record"])
    assert settled["key"]["state"] == "current"
    assert settled["key"]["event"] == "MeterRegistered"
    assert settled["key"]["registered_by"] == str(world.context.keys.registrar)
    assert settled["limits"]["export_limit_mw"] == 20_000_000
    previous = settled["previous"]
    assert previous["kind"] == "settlement"
    assert previous["tx_signature"] == case.first
    assert settled["record"]["surplus_mwh"] - previous["surplus_mwh"] == SURPLUS_MWH
    sequences = settled["record"]["sequence"] - previous["sequence"] + 1
    assert settled["chain"]["kept"] == sequences
    assert settled["chain"]["declared_lost"] == 0


async def test_the_household_s_part(world: HubWorld, case: Case) -> None:
    answer = expect(await world.get(path(case.second), case.house.user.token), 200)
    (settled,) = answer["settlements"]
    household = settled["household"]
    assert household["state"] == "shown"
    assert household["reading"]["sequence"] == settled["record"]["sequence"] - 1
    assert household["profile"]["name"] == "eastron-sdm630"
    assert household["profile"]["digest"] == case.house.config.profile.digest.hex()
    assert "Eastron" not in household["profile"]["document"]
    values = {one["quantity"]: one["value"] for one in household["registers"]}
    assert values["produced"] == settled["record"]["produced_mwh"]
    assert values["consumed"] == settled["record"]["consumed_mwh"]
    assert values["active_power"] == household["reading"]["active_power_mw"] == 1_234_500


async def test_the_first_settlement_counts_from_the_baseline(world: HubWorld, case: Case) -> None:
    answer = expect(await world.get(path(case.first)), 200)
    previous = answer["settlements"][0]["previous"]
    assert (previous["kind"], previous["sequence"]) == ("baseline", 1)
    assert previous["total_minted_mwh"] == 0
    assert previous["produced_mwh"] == 500_000_000


async def test_what_is_public_and_what_is_not(world: HubWorld, case: Case) -> None:
    stranger = await world.user()
    for token in (None, stranger.token):
        answer = expect(await world.get(path(case.second), token), 200)
        (settled,) = answer["settlements"]
        assert settled["household"] == {"state": "private"}
        assert settled["minted_mwh"] == SURPLUS_MWH
    answer = expect(await world.get(path(case.second), world.operator), 200)
    assert answer["settlements"][0]["household"]["state"] == "shown"


async def test_two_households_in_one_transaction(world: HubWorld, tmp_path: Path) -> None:
    one, other = await house(world, tmp_path), await house(world, tmp_path, Algorithm.P256)
    signature = await settle(world, (one, await one.interval(2)), (other, await other.interval(3)))
    answer = expect(await world.get(path(signature), other.user.token), 200)
    assert [s["household"]["state"] for s in answer["settlements"]] == ["private", "shown"]
    assert [s["position"] for s in answer["settlements"]] == [0, 1]
    assert [s["minted_mwh"] for s in answer["settlements"]] == [2_000_000, 3_000_000]
    assert [s["proof"]["algorithm"] for s in answer["settlements"]] == ["ed25519", "p256"]


async def chain_of(world: HubWorld, case_house: House, signature: str) -> list[dict[str, object]]:
    rest = f"/readings?meter_id={case_house.meter_id}"
    answer = expect(await world.get(path(signature, rest), case_house.user.token), 200)
    found: list[dict[str, object]] = answer["readings"]
    return found


async def test_the_chain_of_readings(world: HubWorld, case: Case) -> None:
    readings = await chain_of(world, case.house, case.second)
    sequences = [reading["sequence"] for reading in readings]
    assert sequences == list(range(readings[0]["sequence"], readings[-1]["sequence"] - 1, -1))  # type: ignore[operator] - JSON
    below = f"/readings?meter_id={case.house.meter_id}&below={sequences[0]}"
    rest = expect(await world.get(path(case.second, below), world.operator), 200)
    assert [one["sequence"] for one in rest["readings"]] == sequences[1:]


async def test_pages_of_the_chain(
    world: HubWorld, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await chain_of(world, case.house, case.second)
    monkeypatch.setattr("gridtokenx_hub.explain.readings.PAGE", 2)
    found, below = [], 2**62
    while below is not None:
        rest = f"/readings?meter_id={case.house.meter_id}&below={below}"
        page = expect(await world.get(path(case.second, rest), case.house.user.token), 200)
        found += page["readings"]
        below = page.get("next_below")
    assert found == whole


async def test_signed_losses(world: HubWorld, tmp_path: Path) -> None:
    lossy = await house(world, tmp_path)
    lost = Range(2, (await lossy.read(1, arrives=False)).record.sequence)
    await lossy.read(1, dropped=[lost])
    signature = await settle(world, (lossy, await lossy.interval(1)))
    answer = expect(await world.get(path(signature), lossy.user.token), 200)
    chain = answer["settlements"][0]["chain"]
    assert chain["declared_lost"] == 1
    assert chain["kept"] == chain["last_sequence"] - chain["first_sequence"]
    rest = f"/readings?meter_id={lossy.meter_id}"
    page = expect(await world.get(path(signature, rest), lossy.user.token), 200)
    assert page["declared_lost"] == [[lost.first, lost.last]]
    assert lost.first not in {reading["sequence"] for reading in page["readings"]}


async def test_no_longer_kept(world: HubWorld, tmp_path: Path) -> None:
    forgotten = await settled_case(world, tmp_path)
    await world.pool.execute("DELETE FROM readings WHERE meter_id = $1", forgotten.house.config.id)
    answer = expect(await world.get(path(forgotten.second), world.operator), 200)
    (settled,) = answer["settlements"]
    assert settled["household"] == {"state": "no_longer_kept"}
    assert settled["chain"]["kept"] == 0
    assert settled["minted_mwh"] == SURPLUS_MWH


async def test_a_reading_that_came_without_registers(world: HubWorld, tmp_path: Path) -> None:
    bare = await settled_case(world, tmp_path)
    for extras in (None, b"\xa1\x67profile\x01"):
        await world.pool.execute(
            "UPDATE readings SET extras = $3 WHERE meter_id = $1 AND sequence = $2",
            bare.house.config.id,
            bare.settled.record.sequence - 1,
            extras,
        )
        answer = expect(await world.get(path(bare.second), world.operator), 200)
        household = answer["settlements"][0]["household"]
        assert household["state"] == "without_registers"
        assert "registers" not in household


@pytest.mark.parametrize("text", ["x", "0" * 64, "<script>", "%00", "1" * 89, "1" * 63])
async def test_what_is_no_signature(world: HubWorld, text: str) -> None:
    for rest in ("", "/readings?meter_id=" + "00" * 16):
        response = await world.get(path(text, rest), world.operator)
        expect_problem(response, 422, "InvalidRequest")


async def test_transactions_that_mint_nothing(world: HubWorld, case: Case) -> None:
    unknown = str(Keypair().sign_message(b"never sent"))
    registration = await world.pool.fetchval(
        "SELECT tx_signature FROM events WHERE name = 'MeterRegistered' LIMIT 1"
    )
    for signature in (unknown, registration, "1" * 64):
        response = await world.get(path(signature), case.house.user.token)
        expect_problem(response, 404, "NotASettlement")
    other_meter = f"/readings?meter_id={'00' * 16}"
    expect_problem(await world.get(path(case.second, other_meter), world.operator), 404)


async def test_while_the_indexer_is_behind(world: HubWorld, case: Case) -> None:
    async with world.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        behind = "UPDATE watermarks SET event_sequence = 1 WHERE program = 'energy_token'"
        await connection.execute(behind)
        with world.having(pool=OneConnection(connection)):
            expect_problem(await world.get(path(case.second)), 503, "IndexerBehind")
        await transaction.rollback()


class OneConnection:
    """A pool whose every question goes to one connection, and so into its transaction."""

    def __init__(self, connection: asyncpg.pool.PoolConnectionProxy) -> None:
        self.fetch = connection.fetch
        self.fetchrow = connection.fetchrow
        self.fetchval = connection.fetchval


async def test_readings_are_the_household_s(world: HubWorld, case: Case) -> None:
    rest = f"/readings?meter_id={case.house.meter_id}"
    stranger = await world.user()
    expect_problem(await world.get(path(case.second, rest), stranger.token), 403, "Forbidden")
    expect_problem(await world.get(path(case.second, rest)), 401, "Unauthenticated")


class TestShares:
    async def share(self, world: HubWorld, case: Case, **changes: object) -> str:
        body = {"meter_id": case.house.meter_id} | changes
        response = await world.post(path(case.second, "/shares"), body, case.house.user.token)
        answer = expect(response, 201)
        assert answer["path"] == f"/explain/{case.second}#share={answer['share']}"
        return str(answer["share"])

    async def ask(
        self, world: HubWorld, signature: str, share: str, rest: str = ""
    ) -> httpx.Response:
        headers = {"Authorization": f"Share {share}".encode()}
        return await world.http.get(path(signature, rest), headers=headers)

    async def test_it_shows_the_household_s_part(self, world: HubWorld, case: Case) -> None:
        share = await self.share(world, case)
        answer = expect(await self.ask(world, case.second, share), 200)
        assert answer["settlements"][0]["household"]["state"] == "shown"
        rest = f"/readings?meter_id={case.house.meter_id}"
        assert expect(await self.ask(world, case.second, share, rest), 200)["readings"]

    async def test_it_is_for_one_transaction(self, world: HubWorld, case: Case) -> None:
        share = await self.share(world, case)
        expect_problem(await self.ask(world, case.first, share), 401, "Unauthenticated")

    async def test_it_ends(self, world: HubWorld, case: Case) -> None:
        share = await self.share(world, case, days=1)
        later = world.context.clock() + dt.timedelta(days=1)
        with world.having(clock=lambda: later - dt.timedelta(seconds=2)):
            expect(await self.ask(world, case.second, share), 200)
        with world.having(clock=lambda: later):
            expect_problem(await self.ask(world, case.second, share), 401, "Unauthenticated")

    @pytest.mark.parametrize(
        "wrong",
        ["", ".", "..", "1.2.3", "x" * 5000, "9" * 400 + ".a.b", "\u0e01.a.b", "²²²²²²²²²².a.b"],
    )
    async def test_what_is_no_share(self, world: HubWorld, case: Case, wrong: str) -> None:
        expect_problem(await self.ask(world, case.second, wrong), 401, "Unauthenticated")

    async def test_any_other_character(self, world: HubWorld, case: Case) -> None:
        share = await self.share(world, case)
        for place in range(len(share)):
            other = "0" if share[place] != "0" else "1"
            altered = share[:place] + other + share[place + 1 :]
            expect_problem(await self.ask(world, case.second, altered), 401)

    async def test_others_make_none(self, world: HubWorld, case: Case) -> None:
        body = {"meter_id": case.house.meter_id}
        stranger = await world.user()
        response = await world.post(path(case.second, "/shares"), body, stranger.token)
        expect_problem(response, 403, "Forbidden")

    @pytest.mark.parametrize("days", [0, 91, -1, "1", Decimal("1.5"), None])
    async def test_days(self, world: HubWorld, case: Case, days: object) -> None:
        body = {"meter_id": case.house.meter_id, "days": days}
        response = await world.post(path(case.second, "/shares"), body, case.house.user.token)
        expect_problem(response, 422, "InvalidRequest")


async def test_a_key_that_was_replaced_since(world: HubWorld, tmp_path: Path) -> None:
    rotated = await settled_case(world, tmp_path)
    made = rotated.house
    row = await world.pool.fetchrow(
        "SELECT * FROM events WHERE name = 'MeterRegistered' AND data ->> 'meter_id' = $1",
        made.meter_id,
    )
    own = json.loads(row["data"])["public_key"]
    async with world.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        with world.having(pool=OneConnection(connection)):
            for number, previous, state in ((1, own, "previous"), (2, "02" * 33, "replaced")):
                event = {
                    "meter_id": made.meter_id,
                    "algorithm": 0,
                    "public_key": "01" * 33,
                    "previous_algorithm": 0,
                    "previous_public_key": previous,
                    "timestamp": 0,
                }
                await connection.execute(
                    "INSERT INTO events (program, sequence, slot, tx_signature, name, data, final)"
                    " VALUES ('registry', $1, 1, 'x', 'KeyRotated', $2, true)",
                    10**9 + number,
                    json.dumps(event),
                )
                answer = expect(await world.get(path(rotated.second)), 200)
                assert answer["settlements"][0]["key"]["state"] == state
                assert answer["settlements"][0]["key"]["event"] == "MeterRegistered"
        await transaction.rollback()
