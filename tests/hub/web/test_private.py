"""Who sees which page: what is a household's is shown to it and to operators alone."""

import contextlib
import html
from collections.abc import AsyncIterator

import httpx
import pytest
from hub_world import HubWorld
from stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")

PERSONAL = ("/energy", "/redeem", "/meters", "/sell", "/offer", "/operations", "/people")


@contextlib.asynccontextmanager
async def signed_in(world: HubWorld, token: str) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(world.app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://hub", headers={"Accept": "text/html"}
    ) as client:
        answer = await client.post("/api/sessions", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 201, answer.text
        yield client


@pytest.mark.parametrize("way", [*PERSONAL, "/meters/{meter}", "/explorer/accounts/{wallet}"])
async def test_a_stranger_is_asked_to_sign_in(stage: Stage, way: str) -> None:
    meter = stage.device.meter_id.hex()
    answer = await stage.world.get(way.format(meter=meter, wallet=stage.seller.wallet))
    assert answer.status_code == 200
    assert "/sign-in?back=" in answer.text
    for secret in (meter[:6], "Solar Home A", "47.5"):
        assert secret not in answer.text.replace(f"back={way}", "").replace(meter, "")


async def test_a_household_sees_its_own(stage: Stage) -> None:
    async with signed_in(stage.world, stage.seller.token) as client:
        assert "47.5" in (await client.get("/energy")).text
        meters = (await client.get("/meters")).text
        assert meters.count('id="meter-') == 1
        assert (await client.get(f"/meters/{stage.device.meter_id.hex()}")).status_code == 200
        assert "Sign in with an operator" in (await client.get("/operations")).text


async def test_a_household_does_not_see_anothers(stage: Stage) -> None:
    async with signed_in(stage.world, stage.buyer.token) as client:
        answer = await client.get(f"/meters/{stage.device.meter_id.hex()}")
        assert answer.status_code == 403
        assert "This belongs to somebody else" in answer.text
        assert 'id="meter-' not in (await client.get("/meters")).text


async def test_an_operator_sees_all_meters_and_operations(stage: Stage) -> None:
    async with signed_in(stage.world, stage.world.operator) as client:
        assert (await client.get("/meters")).text.count('id="meter-') >= 2
        operations = (await client.get("/operations")).text
        assert "Readings in the last hour" in operations
        assert "/sign-in?back=" not in operations
        assert "/sign-in?back=" in (await client.get("/energy")).text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Price oracle", "operator's rate", "10.0 THB", "too few tell a rate", "until ")),
        ("th", ("อัตราแลกเปลี่ยน", "อัตราของผู้ดูแลระบบ", "10.0 บาท", "มีแหล่งที่แจ้งอัตราน้อยเกินไป")),
    ],
)
async def test_an_operator_sees_where_the_rate_stands(
    stage: Stage, language: str, words: tuple[str, ...]
) -> None:
    async with signed_in(stage.world, stage.world.operator) as client:
        answer = await client.get("/operations", headers={"Accept-Language": language})
    shown = html.unescape(answer.text)
    for expected in (*words, "exchange-a", "<code>timed_out</code>"):
        assert expected in shown
    assert "exchange-b &lt;is&gt; down" in answer.text


async def test_a_trade_names_its_sides_to_them_and_operators(stage: Stage) -> None:
    words = "Consumer B bought 2.5 kWh from Solar Home A"
    third = await stage.world.user()
    for token, sees in (
        (stage.seller.token, True),
        (stage.buyer.token, True),
        (stage.world.operator, True),
        (third.token, False),
    ):
        async with signed_in(stage.world, token) as client:
            assert (words in (await client.get("/")).text) == sees
    shown = (await stage.world.get("/")).text
    assert f"{stage.buyer.wallet[:4]}…{stage.buyer.wallet[-4:]} bought 2.5 kWh" in shown
    for name in ("Consumer B", "Solar Home A"):
        assert name not in shown


async def test_a_session_that_has_ended_is_a_strangers(stage: Stage) -> None:
    async with signed_in(stage.world, stage.seller.token) as client:
        ended = await client.delete("/api/sessions/current", headers={"Origin": "http://hub"})
        assert ended.status_code == 204
        assert "/sign-in?back=" in (await client.get("/energy")).text


async def test_a_page_says_whom_it_depends_on(stage: Stage) -> None:
    answer = await stage.world.get("/")
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["vary"] == "Accept-Language, Cookie"


@pytest.mark.parametrize(
    ("back", "to"),
    [
        ("/energy?x=1", "/energy?x=1"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("", "/"),
    ],
)
async def test_a_language_leads_to_no_other_site(stage: Stage, back: str, to: str) -> None:
    answer = await stage.world.get("/language/th", back=back)
    assert (answer.status_code, answer.headers["location"]) == (303, to)
    assert "gtx_language=th" in answer.headers["set-cookie"]


async def test_programs_get_problem_documents(stage: Stage) -> None:
    answer = await stage.world.http.get("/api/nothing", headers={"Accept": "text/html"})
    assert answer.headers["content-type"] == "application/problem+json"
    answer = await stage.world.http.get("/nothing", headers={"Accept": "application/json"})
    assert answer.headers["content-type"] == "application/problem+json"
