"""The operator's page of operations: each part, and the lists behind it."""

import base64

import pytest
from axe_playwright_python.async_playwright import Axe
from browser import visit
from hub_world import HubWorld
from playwright.async_api import Browser, Page, expect
from signing_in import sign_in
from test_private import signed_in

from demo.processes import free_port
from gridtokenx_hub.broker.settings import BrokerSettings

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE = 360
LOCALES = {"en": "en-GB", "th": "th-TH"}
WORDS = {
    "en": ("look here", "Events of trading not indexed yet", "Devices that are not connected"),
    "th": ("โปรดตรวจสอบ", "เหตุการณ์ของ trading ที่ยังไม่อยู่ในดัชนี", "อุปกรณ์ที่ไม่ได้เชื่อมต่อ"),
}
PAYLOAD = b"\x00<script>\xff"
QUARANTINE = """
INSERT INTO quarantine (topic, meter_id, sequence, reason, detail, payload)
VALUES ('gtx/v1/x/readings', $1, 17, 'equivocation', '<i>two of one</i>', $2) RETURNING id
"""
SETTLEMENT = """
INSERT INTO settlements (meter_id, sequence, time_ms, record, algorithm, signature, status, error)
VALUES ($1, $2, 1000, $3, -8, '', 'refused', $4)
"""


async def look(page: Page) -> None:
    found = await Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    wide = "document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
    assert await page.evaluate(wide) <= 0


@pytest.mark.parametrize("language", LOCALES)
async def test_from_the_page_to_a_refused_message(
    world: HubWorld, browser: Browser, hub_url: str, language: str
) -> None:
    device = await world.meter(await world.user(f"Offline {language}"))
    number = await world.pool.fetchval(QUARANTINE, device.meter_id, PAYLOAD)
    async with visit(browser, PHONE, LOCALES[language]) as watching:
        page = watching.page
        await sign_in(page, hub_url, world.operator)
        await page.goto(f"{hub_url}/operations")
        for words in WORDS[language]:
            await expect(page.locator("main")).to_contain_text(words)
        await expect(page.locator(f"#offline-{device.meter_id.hex()}")).to_contain_text("Offline")
        await expect(page.locator("#part-reasons + dl")).to_contain_text("equivocation")
        await look(page)
        await page.click("a[href='/operations/quarantine']")
        await look(page)
        await page.focus(f"#message-{number} a")
        await page.keyboard.press("Enter")
        await expect(page.locator("pre")).to_have_text(base64.b64encode(PAYLOAD).decode())
        await expect(page.locator("main")).to_contain_text("<i>two of one</i>")
        await look(page)
        await page.goto(f"{hub_url}/operations/settlements")
        await look(page)
        assert not watching.complaints


@pytest.mark.parametrize("language", LOCALES)
async def test_backups(world: HubWorld, browser: Browser, hub_url: str, language: str) -> None:
    never, failed = {
        "en": ("none yet", "Failed since"),
        "th": ("ยังไม่เคยสำรอง", "ล้มเหลวหลังจากนั้น"),
    }[language]
    part = "section[aria-labelledby=part-backups]"
    await world.pool.execute("DELETE FROM backups")
    async with visit(browser, PHONE, LOCALES[language]) as watching:
        page = watching.page
        await sign_in(page, hub_url, world.operator)
        await page.goto(f"{hub_url}/operations")
        await expect(page.locator(part)).to_contain_text(never)
        await expect(page.locator(f"{part} h2")).to_contain_text(WORDS[language][0])
        await world.pool.execute(
            "INSERT INTO backups (began_at, ended_at, size_bytes) VALUES (now(), now(), 3145728)"
        )
        await page.reload()
        await expect(page.locator(part)).to_contain_text("3.0")
        await expect(page.locator(f"{part} h2")).not_to_contain_text(WORDS[language][0])
        await look(page)
        await world.pool.execute(
            "INSERT INTO backups (began_at, ended_at, failure) VALUES (now(), now(), $1)",
            "OSError: <b>" + "/backups/gridtokenx" * 9,
        )
        await page.reload()
        await expect(page.locator(part)).to_contain_text(failed)
        await expect(page.locator(part)).to_contain_text("OSError: <b>/backups")
        await expect(page.locator(f"{part} h2")).to_contain_text(WORDS[language][0])
        await look(page)
        assert not watching.complaints
    await world.pool.execute("DELETE FROM backups")


async def test_a_device_that_connects_leaves_the_list(
    world: HubWorld, browser: Browser, hub_url: str
) -> None:
    device = await world.meter(await world.user())
    row = f"#offline-{device.meter_id.hex()}"
    async with visit(browser) as watching:
        page = watching.page
        await sign_in(page, hub_url, world.operator)
        await page.goto(f"{hub_url}/operations")
        await expect(page.locator(row)).to_have_count(1)
        await world.pool.execute(
            "INSERT INTO device_status VALUES ($1, true, 1, 0, 1, '0.1.0', 'x', now())",
            device.meter_id,
        )
        await expect(page.locator(row)).to_have_count(0, timeout=30_000)


async def test_each_part_says_whether_it_is_ready(world: HubWorld) -> None:
    gone = BrokerSettings("127.0.0.1", free_port(), None)
    async with signed_in(world, world.operator) as client:
        with world.having(broker=gone):
            shown = (await client.get("/operations")).text
        part = shown.partition('id="ready-broker"')[2].partition("</div>")[0]
        assert "ConnectionRefusedError" in part
        part = shown.partition('id="ready-database"')[2].partition("</div>")[0]
        assert "look here" not in part


async def test_refusals_with_their_verdicts_by_the_page(
    world: HubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gridtokenx_hub.web.pages.operations.PAGE_ROWS", 1)
    meter = (await world.meter(await world.user())).meter_id
    for sequence, error in ((2, "TimeNotHigher"), (3, "ExportLimitExceeded")):
        await world.pool.execute(SETTLEMENT, meter, sequence, bytes(120), error)
    async with signed_in(world, world.operator) as client:
        first = (await client.get("/operations/settlements")).text
        way = first.partition('<p class="more"><a class="button quiet" href="')[2].partition('"')[0]
        second = (await client.get(way.replace("&amp;", "&"))).text
        assert f"settlement-{meter.hex()}-3" in first
        assert "ExportLimitExceeded" in first
        assert "TimeNotHigher" not in first
        assert f"settlement-{meter.hex()}-2" in second
        assert "TimeNotHigher" in second
        assert meter.hex() not in (await client.get("/operations/settlements?status=sent")).text


async def test_ways_that_are_none(world: HubWorld) -> None:
    async with signed_in(world, world.operator) as client:
        assert (await client.get("/operations/settlements?status=x")).status_code == 422
        assert (await client.get("/operations/quarantine?cursor=x")).status_code == 422
        for number in ("0", "x", "999999999"):
            answer = await client.get(f"/operations/quarantine/{number}")
            assert answer.status_code in (404, 422)


@pytest.mark.parametrize(
    "way", ["/operations/quarantine", "/operations/quarantine/1", "/operations/settlements"]
)
async def test_operators_alone(world: HubWorld, way: str) -> None:
    async with signed_in(world, (await world.user()).token) as client:
        assert "Sign in with an operator" in (await client.get(way)).text
    assert "Sign in with an operator" in (await world.get(way)).text
