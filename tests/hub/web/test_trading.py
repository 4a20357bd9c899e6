"""The worked example in a real Chromium, by the keyboard alone, in both languages."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from browser import Visit, visit
from hub_world import HubWorld, User
from playwright.async_api import Browser, expect
from signing_in import sign_in

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOCALES = {"en": "en-GB", "th": "th-TH"}
WORDS = {
    "en": {
        "sold": "Your energy is for sale.",
        "bought": "You bought 10 kWh for 30 GRX.",
        "poor": "You do not have enough for this. Take a smaller amount.",
        "own": "This is your own order: you cannot buy from yourself.",
        "token": "This token is unknown or has ended. Ask your operator for another.",
    },
    "th": {
        "sold": "ประกาศขายไฟฟ้าของคุณแล้ว",
        "bought": "คุณซื้อไฟฟ้า 10 kWh ในราคา 30 GRX แล้ว",
        "poor": "ยอดคงเหลือไม่พอ โปรดลดจำนวนลง",
        "own": "นี่คือประกาศขายของคุณเอง ซื้อจากตัวเองไม่ได้",
        "token": "ไม่รู้จักโทเคนนี้หรือหมดอายุแล้ว โปรดขอใหม่จากผู้ดูแลระบบ",
    },
}


@pytest_asyncio.fixture(loop_scope="session")
async def stranger(browser: Browser, hub_url: str) -> AsyncIterator[Visit]:
    """Somebody who looks at the order book, and does nothing."""
    async with visit(browser) as looking:
        await looking.page.goto(hub_url)
        await looking.page.evaluate("window.isTheSamePage = true")
        yield looking


async def put_up_for_sale(
    browser: Browser, hub_url: str, user: User, language: str, kwh: str, price: str
) -> None:
    """Sell by the form, with no hand on the mouse."""
    async with visit(browser, language=LOCALES[language]) as selling:
        page = selling.page
        await sign_in(page, hub_url, user.token)
        await page.goto(f"{hub_url}/sell")
        await page.focus("#amount")
        await page.keyboard.type(kwh)
        await page.keyboard.press("Tab")
        await page.keyboard.type(price)
        await page.keyboard.press("Enter")
        await expect(page.locator("#toast")).to_have_text(WORDS[language]["sold"])
        assert not selling.complaints


async def press_buy(visitor: Visit, row: str) -> None:
    """Go to a row's button with the Tab key, and press it."""
    page = visitor.page
    button = page.locator(f"{row} button.buy")
    await page.locator(f"{row} a.button").focus()
    await page.keyboard.press("Tab")
    await expect(button).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#buy")).to_be_visible()
    await expect(page.locator("#buy-amount")).to_be_focused()


@pytest.mark.parametrize("language", LOCALES)
async def test_the_worked_example(
    world: HubWorld, browser: Browser, hub_url: str, stranger: Visit, language: str
) -> None:
    """A has 12 kWh and sells 10 at 3 GRX; B has 100 GRX and buys them; a stranger sees it live."""
    a, b = await world.seller(12), await world.buyer(100)
    await put_up_for_sale(browser, hub_url, a, language, "10", "3.0")
    orders = (await world.get("/api/trading/orders/active")).json()["orders"]
    order = next(entry for entry in orders if entry["seller"]["wallet"] == a.wallet)
    row = f'[id="order-{order["order_id"]}"]'
    await expect(stranger.page.locator(row)).to_be_visible(timeout=10_000)

    async with visit(browser, language=LOCALES[language]) as buying:
        page = buying.page
        await sign_in(page, hub_url, b.token)
        assert await page.get_attribute("html", "lang") == language
        await press_buy(buying, row)
        await expect(page.locator("#buy-total")).to_have_text("30 GRX")
        await page.keyboard.press("Enter")
        await expect(page.locator("#toast")).to_have_text(WORDS[language]["bought"])
        await expect(page.locator(row)).to_have_count(0)
        await page.goto(f"{hub_url}/energy")
        figures = page.locator(".figures dd")
        await expect(figures.nth(0)).to_have_text("10 kWh")
        await expect(figures.nth(1)).to_have_text("70 GRX")
        assert not buying.complaints
    await expect(stranger.page.locator(row)).to_have_count(0, timeout=10_000)
    assert await stranger.page.evaluate("window.isTheSamePage")
    assert not stranger.complaints
    assert await world.balances(a) == (2, 30)
    assert await world.balances(b) == (10, 70)


@pytest.mark.parametrize("language", LOCALES)
async def test_refusals_are_told_in_the_visitors_language(
    world: HubWorld, browser: Browser, hub_url: str, language: str
) -> None:
    seller, poor = await world.seller(5), await world.buyer(1)
    row = f'[id="order-{(await world.sell(seller, 5, 3))["order_id"]}"]'
    for user, words in ((poor, "poor"), (seller, "own")):
        async with visit(browser, language=LOCALES[language]) as buying:
            await sign_in(buying.page, hub_url, user.token)
            await press_buy(buying, row)
            await buying.page.keyboard.press("Enter")
            await expect(buying.page.locator("#buy-message")).to_have_text(WORDS[language][words])
            await buying.page.keyboard.press("Escape")
            await expect(buying.page.locator("#buy")).to_be_hidden()
    async with visit(browser, language=LOCALES[language]) as wrong:
        await wrong.page.goto(f"{hub_url}/sign-in")
        await wrong.page.fill("#token", "gtx_nobody")
        await wrong.page.keyboard.press("Enter")
        await expect(wrong.page.locator("#sign-in-message")).to_have_text(WORDS[language]["token"])


async def test_a_part_of_an_order(world: HubWorld, browser: Browser, hub_url: str) -> None:
    seller, buyer = await world.seller(5), await world.buyer(100)
    order = await world.sell(seller, 5, 3)
    row = f'[id="order-{order["order_id"]}"]'
    async with visit(browser) as buying:
        page = buying.page
        await sign_in(page, hub_url, buyer.token)
        await press_buy(buying, row)
        for wrong in ("", "0", "5.001", "1.0001", "-1", "1e3", "abc"):
            await page.fill("#buy-amount", wrong)
            await page.keyboard.press("Enter")
            await expect(page.locator("#buy-message")).to_contain_text("Give an amount")
        await page.fill("#buy-amount", "1.5")
        await expect(page.locator("#buy-total")).to_have_text("4.5 GRX")
        await page.keyboard.press("Enter")
        await expect(page.locator(f"{row} [data-part=amount]")).to_have_text("3.5 kWh")
        assert not buying.complaints
    assert await world.balances(buyer) == (1.5, 95.5)


async def test_a_stranger_is_led_to_sign_in_and_back(
    world: HubWorld, browser: Browser, hub_url: str
) -> None:
    seller, buyer = await world.seller(1), await world.buyer(10)
    order = await world.sell(seller, 1, 3)
    async with visit(browser) as buying:
        page = buying.page
        await page.goto(f"{hub_url}/orders/{order['order_id']}")
        await page.click("button.buy")
        await page.click("#buy-confirm")
        await page.wait_for_url(f"{hub_url}/sign-in?back=*")
        await page.fill("#token", buyer.token)
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{hub_url}/orders/{order['order_id']}")
        await expect(page.locator("#visitor")).to_contain_text("Household")


@pytest.mark.parametrize("back", ["//evil.example/", "https://evil.example", "/\\evil.example"])
async def test_nobody_is_led_elsewhere(
    world: HubWorld, browser: Browser, hub_url: str, back: str
) -> None:
    buyer = await world.buyer(1)
    async with visit(browser) as visitor:
        await visitor.page.goto(f"{hub_url}/sign-in?back={back}")
        await visitor.page.fill("#token", buyer.token)
        await visitor.page.keyboard.press("Enter")
        await visitor.page.wait_for_url(f"{hub_url}/")


async def test_an_offer_is_made_delivered_and_another_taken_back(
    world: HubWorld, browser: Browser, hub_url: str
) -> None:
    seller, buyer = await world.seller(3), await world.buyer(20)
    async with visit(browser) as buying:
        page = buying.page
        await sign_in(page, hub_url, buyer.token)
        for price in ("2", "1"):
            await page.goto(f"{hub_url}/offer")
            await page.fill("#amount", "3")
            await page.fill("#price", price)
            await page.keyboard.press("Enter")
            await expect(page.locator("#toast")).to_have_text("Your offer is in the book.")
        await page.goto(f"{hub_url}/energy")
        page.on("dialog", lambda dialog: dialog.accept())
        await page.locator("[id^=own-] button.act").nth(0).click()
        await expect(page.locator("#toast")).to_have_text("It is yours again.")
        await expect(page.locator("[id^=own-] .badge.cancelled")).to_have_count(1)
        assert not buying.complaints
    async with visit(browser) as selling:
        page = selling.page
        await sign_in(page, hub_url, seller.token)
        page.on("dialog", lambda dialog: dialog.accept())
        row = page.locator("tr[id^=offer-]", has_text="2.0 GRX/kWh")
        await row.locator("button.act").click()
        await expect(page.locator("#toast")).to_have_text("Delivered and paid.")
        assert not selling.complaints
    assert await world.balances(seller) == (0, 6)
    assert await world.balances(buyer) == (3, 14)
