"""Every page for everybody: read aloud, on a phone, in both languages, without a complaint."""

import pytest
from axe_playwright_python.async_playwright import Axe
from browser import visit
from playwright.async_api import Browser, expect
from signing_in import sign_in
from stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOCALES = {"en": "en-GB", "th": "th-TH"}
PHONE, DESK = 360, 1200
PUBLIC = ("/", "/sign-in", "/register", "/developers", "/explorer", "/energy")


async def pages(stage: Stage) -> dict[str, tuple[str, ...]]:
    """The ways that each kind of visitor can go."""
    order = (await stage.world.get("/api/trading/orders/active")).json()["orders"][0]
    of_order = (await stage.world.get(f"/api/trading/orders/{order['order_id']}")).json()
    household = (
        *(
            "/energy",
            "/redeem",
            "/meters",
            f"/meters/{stage.device.meter_id.hex()}",
            "/sell",
            "/offer",
        ),
        f"/orders/{order['order_id']}",
        f"/explorer/transactions/{of_order['tx_signature']}",
        f"/explorer/accounts/{order['order_id']}",
    )
    return {
        "": PUBLIC,
        stage.seller.token: household,
        stage.world.operator: ("/operations", "/people", "/meters", "/sign-in"),
    }


@pytest.mark.parametrize(
    ("language", "scheme", "width"),
    [
        ("en", "light", DESK),
        ("en", "light", PHONE),
        ("th", "dark", DESK),
        ("th", "light", PHONE),
    ],
)
async def test_every_page(
    stage: Stage, browser: Browser, hub_url: str, language: str, scheme: str, width: int
) -> None:
    for token, ways in (await pages(stage)).items():
        async with visit(browser, width, LOCALES[language]) as visitor:
            page = visitor.page
            await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            if token:
                await sign_in(page, hub_url, token)
            for way in ways:
                await page.goto(hub_url + way)
                assert await page.get_attribute("html", "lang") == language, way
                found = await Axe().run(page)
                assert found.violations_count == 0, f"{way}: {found.generate_report()}"
                wide = (
                    "document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
                )
                assert await page.evaluate(wide) <= 0, f"{way} scrolls sideways"
                assert not visitor.complaints, (way, visitor.complaints)


async def test_the_dialog(stage: Stage, browser: Browser, hub_url: str) -> None:
    async with visit(browser, PHONE) as visitor:
        page = visitor.page
        await page.goto(hub_url)
        await page.click("button.buy >> nth=0")
        found = await Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


async def test_the_switch_of_languages(stage: Stage, browser: Browser, hub_url: str) -> None:
    async with visit(browser) as visitor:
        page = visitor.page
        await page.goto(f"{hub_url}/explorer")
        await page.click(".languages a")
        await expect(page.locator("h1")).to_have_text("สำรวจเชน")
        assert page.url == f"{hub_url}/explorer"
        await page.goto(hub_url)
        await expect(page.locator("h1")).to_have_text("ไฟฟ้าจากเพื่อนบ้าน")
        await page.click(".languages a")
        await expect(page.locator("h1")).to_have_text("Energy from next door")


async def test_thai_letters_are_drawn_with_the_products_font(
    stage: Stage, browser: Browser, hub_url: str
) -> None:
    async with visit(browser, language="th-TH") as visitor:
        await visitor.page.goto(hub_url)
        await visitor.page.evaluate("document.fonts.ready")
        loaded = "[...document.fonts].filter((one) => one.status === 'loaded').length"
        assert await visitor.page.evaluate(loaded) >= 3


async def test_charts_are_drawn_from_their_tables(
    stage: Stage, browser: Browser, hub_url: str
) -> None:
    async with visit(browser) as visitor:
        page = visitor.page
        await sign_in(page, hub_url, stage.seller.token)
        await page.goto(f"{hub_url}/energy")
        await expect(page.locator(".plot canvas")).to_have_count(2)
        await page.click("#days summary")
        rows = page.locator("#days-table tbody tr")
        await expect(rows).to_have_count(30)
        assert float(await rows.nth(20).locator("td").nth(0).inner_text()) > 1


async def test_a_hub_that_is_gone_and_back(stage: Stage, browser: Browser, hub_url: str) -> None:
    async with visit(browser) as visitor:
        page = visitor.page
        await page.goto(hub_url)
        await page.context.set_offline(True)
        await expect(page.locator("#connection")).to_be_visible(timeout=30_000)
        await page.context.set_offline(False)
        await expect(page.locator("#connection")).to_be_hidden(timeout=30_000)


@pytest.mark.parametrize("way", ["/nothing", "/meters/xyz", "/orders/none", "/explorer/find?q=x"])
async def test_pages_that_are_none(stage: Stage, browser: Browser, hub_url: str, way: str) -> None:
    async with visit(browser) as visitor:
        await sign_in(visitor.page, hub_url, stage.seller.token)
        answer = await visitor.page.goto(hub_url + way)
        assert answer is not None
        assert answer.status == 404
        await visitor.page.click("main a.primary")
        await expect(visitor.page.locator("h1")).to_have_text("Energy from next door")
