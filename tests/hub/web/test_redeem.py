"""Redeeming tokens in a real Chromium, by the keyboard: what may be, what was, and whose."""

import pytest
from axe_playwright_python.async_playwright import Axe
from browser import visit
from hub_world import Device, HubWorld, User
from hub_world import expect as answered
from playwright.async_api import Browser, Page, expect
from signers import Owner, register, signed_by
from signing_in import sign_in
from test_private import signed_in
from test_wallet import install

pytestmark = pytest.mark.asyncio(loop_scope="session")

KWH = 1_000_000
PHONE = 360
LOCALES = {"en": "en-GB", "th": "th-TH"}
WORDS = {
    "en": {
        "bad": "Give an amount in kWh up to what may be redeemed",
        "done": "You redeemed 1.5 kWh.",
        "none": "You have no tokens to redeem.",
    },
    "th": {
        "bad": "โปรดระบุจำนวน kWh ไม่เกินที่ใช้ได้",
        "done": "คุณใช้โทเคน 1.5 kWh แล้ว",
        "none": "คุณไม่มีโทเคนให้ใช้",
    },
}


async def lacking(world: HubWorld, user: User) -> Device:
    """A meter that exported 2 kWh and imported 5."""
    device = await world.meter(user)
    device.consumed_mwh += 5 * KWH
    await world.settle(user, device, 2 * KWH)
    return device


async def look(page: Page) -> None:
    found = await Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    wide = "document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
    assert await page.evaluate(wide) <= 0


async def comes_to_show(page: Page, device: Device, row: list[str]) -> None:
    """Wait until the page, which asks for itself, shows this of a meter."""
    await expect(page.locator(f"#recorded-{device.meter_id.hex()} td")).to_have_text(row)


@pytest.mark.parametrize("language", LOCALES)
async def test_a_household_redeems(
    world: HubWorld, browser: Browser, hub_url: str, language: str
) -> None:
    user, words = await world.user(), WORDS[language]
    device = await lacking(world, user)
    async with visit(browser, PHONE, LOCALES[language]) as redeeming:
        page = redeeming.page
        asked: list[str] = []
        page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept())[1])
        await sign_in(page, hub_url, user.token)
        await page.goto(f"{hub_url}/energy")
        await page.focus("main a[href='/redeem']")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{hub_url}/redeem")
        await look(page)
        for wrong in ("", "0", "2.000001", "1.0000001", "abc"):
            await page.fill("#amount", wrong)
            await page.keyboard.press("Enter")
            await expect(page.locator("#redeem-message")).to_contain_text(words["bad"])
        assert not asked
        await page.fill("#amount", "1.5")
        await page.keyboard.press("Enter")
        result = page.locator("#redeem-result")
        await expect(result).to_contain_text(words["done"])
        assert device.meter_id.hex() in asked[0]
        way = await result.locator("a").get_attribute("href")
        assert way is not None
        await expect(page.locator(f"[id='redemption-{way.rpartition('/')[2]}']")).to_be_visible()
        await expect(page.locator(".figures dd")).to_have_text("0.5 kWh")
        await look(page)
        await page.fill("#amount", "0.5")
        await page.keyboard.press("Enter")
        await expect(page.locator("main .empty")).to_contain_text(words["none"])
        await look(page)
        await page.click("#redeem-result a")
        await expect(page.locator("main")).to_contain_text("EnergyRedeemed")
        assert not redeeming.complaints
    assert await world.balances(user) == (0, 0)


async def test_who_says_no_redeems_nothing(world: HubWorld, browser: Browser, hub_url: str) -> None:
    user = await world.user()
    await lacking(world, user)
    async with visit(browser) as redeeming:
        page = redeeming.page
        await sign_in(page, hub_url, user.token)
        await page.goto(f"{hub_url}/redeem")
        await page.fill("#amount", "1")
        async with page.expect_event("dialog") as asked:
            page.once("dialog", lambda dialog: dialog.dismiss())
            await page.keyboard.press("Enter")
        assert "cannot be undone" in (await asked.value).message
        await expect(page.locator("#redeem-confirm")).to_be_enabled()
    assert await world.balances(user) == (2, 0)


async def test_what_is_spent_meanwhile_is_refused_in_words(
    world: HubWorld, browser: Browser, hub_url: str
) -> None:
    user = await world.user()
    await lacking(world, user)
    async with visit(browser) as redeeming:
        page = redeeming.page
        page.on("dialog", lambda dialog: dialog.accept())
        await sign_in(page, hub_url, user.token)
        await page.goto(f"{hub_url}/redeem")
        await page.evaluate(
            "document.querySelector('input[name=meter]').dataset.mostMwh = '9000000'"
        )
        for amount, words in (("3", "not have enough"), ("6", "not recorded so much")):
            await page.fill("#amount", amount)
            await page.evaluate(
                "document.querySelector('input[name=meter]').dataset.mostMwh = '9000000'"
            )
            await page.keyboard.press("Enter")
            await expect(page.locator("#redeem-message")).to_contain_text(words)


async def with_meter(world: HubWorld) -> tuple[Owner, Device]:
    """A household that signs by itself, with a meter that lacks energy."""
    owner = await register(world, "Own wallet")
    device = Device(world.context.deployment.deployment)
    body = device.registration(owner.user.user_id)
    offer = answered(await world.post("/api/meters", body, world.operator), 202)
    signed = signed_by(owner.keypair, offer)
    answered(await world.post("/api/meters", body, world.operator, signed=signed), 201)
    device.consumed_mwh += 5 * KWH
    await world.settle(owner.user, device, 2 * KWH)
    return owner, device


async def test_a_wallet_of_its_own_signs(world: HubWorld, browser: Browser, hub_url: str) -> None:
    owner, device = await with_meter(world)
    async with visit(browser) as redeeming:
        page = redeeming.page
        page.on("dialog", lambda dialog: dialog.accept())
        await install(page, owner)
        await page.goto(f"{hub_url}/sign-in?back=/redeem")
        await page.click("#by-wallet")
        await page.wait_for_url(f"{hub_url}/redeem")
        await page.fill("#amount", "2")
        await page.keyboard.press("Enter")
        await expect(page.locator("#redeem-result")).to_contain_text("You redeemed 2 kWh.")
        await comes_to_show(page, device, ["5 kWh", "2 kWh", "3 kWh"])
        assert not redeeming.complaints
    assert await world.balances(owner.user) == (0, 0)


async def test_a_household_sees_and_moves_its_own_alone(world: HubWorld) -> None:
    user, other = await world.user(), await world.user()
    meter = (await lacking(world, user)).meter_id.hex()
    async with signed_in(world, other.token) as client:
        assert meter not in (await client.get("/redeem")).text
        answer = await client.post(
            f"/api/meters/{meter}/redemption",
            json={"amount_kwh": 1},
            headers={"Origin": "http://hub"},
        )
        assert answer.status_code == 403
    assert await world.balances(user) == (2, 0)


async def test_a_meter_that_lacks_nothing(world: HubWorld) -> None:
    user = await world.seller(2)
    async with signed_in(world, user.token) as client:
        assert "there is nothing to redeem" in (await client.get("/redeem")).text
    async with signed_in(world, (await world.user()).token) as client:
        assert "None of your meters has been settled" in (await client.get("/redeem")).text
