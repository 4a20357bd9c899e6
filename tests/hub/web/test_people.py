"""The operator's people in a real Chromium: made, found, given tokens and codes."""

import pytest
from axe_playwright_python.async_playwright import Axe
from browser import visit
from hub_world import HubWorld, User, expect_problem
from hub_world import expect as answered
from playwright.async_api import Browser, Page, expect
from signers import Owner
from signing_in import sign_in
from solders.keypair import Keypair
from test_private import signed_in
from test_wallet import install

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE = 360
LOCALES = {"en": "en-GB", "th": "th-TH"}
WORDS = {
    "en": {"bad": "Look at the field that is marked", "revoked": "The token works no more."},
    "th": {"bad": "โปรดตรวจช่องที่ทำเครื่องหมายไว้", "revoked": "โทเคนนี้ใช้ไม่ได้อีกแล้ว"},
}


async def look(page: Page) -> None:
    found = await Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    wide = "document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
    assert await page.evaluate(wide) <= 0


async def secret_of(page: Page) -> str:
    """What is shown once; the keyboard is there."""
    await expect(page.locator("#secret-box")).to_be_focused()
    return await page.inner_text("#secret")


@pytest.mark.parametrize("language", LOCALES)
async def test_a_household_from_its_name_to_a_code(
    world: HubWorld, browser: Browser, hub_url: str, language: str
) -> None:
    name, words = f"Mango House {language}", WORDS[language]
    async with visit(browser, PHONE, LOCALES[language]) as working:
        page = working.page
        page.on("dialog", lambda dialog: dialog.accept())
        await sign_in(page, hub_url, world.operator)
        await page.click("#place-people a")
        await look(page)
        await page.focus("#person-name")
        await page.keyboard.press("Enter")
        await expect(page.locator("#new-person .message")).to_contain_text(words["bad"])
        await page.keyboard.type(name)
        await page.keyboard.press("Enter")
        token = await secret_of(page)
        me = answered(await world.get("/api/users/me", token), 200)
        assert (me["name"], me["role"]) == (name, "user")
        await look(page)

        await page.fill("#q", name.upper())
        await page.keyboard.press("Enter")
        await expect(page.locator("tr[id^=person-]")).to_have_count(1)
        await page.click("tr[id^=person-] a")
        await page.wait_for_url(f"{hub_url}/people/{me['user_id']}")
        await expect(page.locator("h1")).to_have_text(name)
        await look(page)

        await page.fill("#token-label", "<b>dashboard</b>")
        await page.fill("#token-days", "soon")
        await page.keyboard.press("Enter")
        await expect(page.locator("#new-token .message")).to_contain_text(words["bad"])
        await page.fill("#token-days", "30")
        await page.keyboard.press("Enter")
        second = await secret_of(page)
        assert answered(await world.get("/api/users/me", second), 200) == me
        row = page.locator("tr[id^=token-]", has_text="<b>dashboard</b>")
        await row.locator("button").click()
        await expect(page.locator("#toast")).to_have_text(words["revoked"])
        await expect(row).to_have_count(0)
        expect_problem(await world.get("/api/users/me", second), 401)

        await page.fill("#daily-limit", "12.5")
        await page.keyboard.press("Enter")
        await expect(page.locator("tr[id^=code-]")).to_have_count(1)
        code = await secret_of(page)
        assert len(code) == 19
        assert code not in await page.inner_text("#person")
        await look(page)
        await page.click("tr[id^=code-] button")
        await expect(page.locator("tr[id^=code-] button")).to_have_count(0)
        assert not working.complaints
    row = await world.pool.fetchrow(
        "SELECT daily_export_limit_mwh, export_limit_mw FROM provisioning_codes WHERE user_id = $1",
        me["user_id"],
    )
    assert tuple(row) == (12_500_000, 5_000_000)


async def test_a_household_with_a_wallet_in_this_browser(
    world: HubWorld, browser: Browser, hub_url: str
) -> None:
    keypair = Keypair()
    owner = Owner(world, keypair, User(0, str(keypair.pubkey()), ""))
    async with visit(browser) as working:
        page = working.page
        await install(page, owner)
        await sign_in(page, hub_url, world.operator)
        await page.goto(f"{hub_url}/people")
        await page.fill("#person-name", "Own key")
        await page.fill("#person-wallet", owner.wallet)
        await page.keyboard.press("Enter")
        me = answered(await world.get("/api/users/me", await secret_of(page)), 200)
        assert me["wallet"] == owner.wallet
        assert not working.complaints


async def test_work_tokens_and_wrong_codes(world: HubWorld, browser: Browser, hub_url: str) -> None:
    world.context.wrong_codes.count("192.0.2.7", world.context.clock())
    async with visit(browser) as working:
        page = working.page
        await sign_in(page, hub_url, world.operator)
        await page.goto(f"{hub_url}/people")
        await expect(page.locator("#lists")).to_contain_text("192.0.2.7")
        await page.fill("#token-label", "roof team")
        await page.keyboard.press("Enter")
        token = await secret_of(page)
        assert answered(await world.get("/api/users/me", token), 200)["role"] == "installer"
        await expect(page.locator("tr[id^=token-]", has_text="roof team")).to_have_count(1)


async def test_people_by_the_page(world: HubWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridtokenx_hub.web.pages.people.PEOPLE_SHOWN", 2)
    ids = [(await world.user(f"Paged % {number}")).user_id for number in range(3)]
    await world.user("Paged x 4")
    async with signed_in(world, world.operator) as client:
        first = (await client.get("/people", params={"q": "paged % "})).text
        way = first.partition('class="button quiet" href="')[2].partition('"')[0]
        second = (await client.get(way.replace("&amp;", "&"))).text
    for page, shown in ((first, ids[:2]), (second, ids[2:])):
        assert [number for number in ids if f'id="person-{number}"' in page] == shown
    assert "cursor=" not in second
    assert "Paged x 4" not in second


async def test_codes_by_the_page_beside_a_search(
    world: HubWorld, browser: Browser, hub_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gridtokenx_hub.web.pages.people.CODES_SHOWN", 2)
    user = await world.user("Coded House")
    body = {
        "purpose": "install",
        "user_id": user.user_id,
        "export_limit_w": 5000,
        "import_limit_w": 5000,
        "daily_export_limit_kwh": 10,
    }
    issued = [
        answered(await world.post("/api/provisioning/codes", body, world.operator), 201)["code_id"]
        for _ in range(3)
    ]
    other = await world.user("Other House")
    async with visit(browser, PHONE) as working:
        page = working.page
        await sign_in(page, hub_url, world.operator)
        await page.goto(f"{hub_url}/people?q=coded")
        for number, shown in zip(issued, (0, 1, 1), strict=True):
            await expect(page.locator(f"#code-{number}")).to_have_count(shown)
        await page.focus("#lists .more a")
        await page.keyboard.press("Enter")
        await expect(page.locator(f"#code-{issued[0]}")).to_have_count(1)
        await expect(page.locator(f"#code-{issued[1]}")).to_have_count(0)
        await expect(page.locator(f"#person-{user.user_id}")).to_have_count(1)
        await expect(page.locator("#codes")).to_be_in_viewport()
        await look(page)
        await page.goto(f"{hub_url}/people/{user.user_id}")
        await expect(page.locator("tr[id^=code-]")).to_have_count(2)
        await page.goto(f"{hub_url}/people/{other.user_id}")
        await expect(page.locator("h1")).to_have_text("Other House")
        await expect(page.locator("tr[id^=code-]")).to_have_count(0)
        assert not working.complaints


@pytest.mark.parametrize(
    "query", ["q=%00", "codes_cursor=x", "q=" + "x" * 101, "cursor=x", "q='%20OR%201=1", "q=%25"]
)
async def test_searches_that_find_nobody(world: HubWorld, query: str) -> None:
    async with signed_in(world, world.operator) as client:
        assert (await client.get(f"/people?{query}")).status_code in (200, 422)
        for way in ("0", "x", "9" * 30, "9999999"):
            assert (await client.get(f"/people/{way}")).status_code in (404, 422)


async def test_operators_alone(world: HubWorld) -> None:
    user = await world.user("Shy Household")
    async with signed_in(world, user.token) as client:
        for way in ("/people", f"/people/{user.user_id}"):
            shown = (await client.get(way)).text
            assert "Sign in with an operator" in shown
            assert "Shy Household</h1>" not in shown
        assert 'href="/people"' not in (await client.get("/")).text
    assert "/sign-in?back=" in (await world.get(f"/people/{user.user_id}")).text


@pytest.mark.parametrize("language", LOCALES)
async def test_a_wallet_registers_itself(
    world: HubWorld, browser: Browser, hub_url: str, language: str
) -> None:
    keypair = Keypair()
    owner = Owner(world, keypair, User(0, str(keypair.pubkey()), ""))
    settings = world.context.settings.model_copy(update={"registrations_per_day": 5})
    with world.having(settings=settings):
        async with visit(browser, PHONE, LOCALES[language]) as coming:
            page = coming.page
            await install(page, owner)
            await page.goto(f"{hub_url}/sign-in")
            await page.click("a[href='/register']")
            await look(page)
            await page.fill("#name", "Self made")
            await page.keyboard.press("Enter")
            await page.wait_for_url(f"{hub_url}/energy")
            await expect(page.locator("#visitor")).to_contain_text("Self made")
            assert not coming.complaints
    row = await world.pool.fetchrow("SELECT * FROM users WHERE wallet = $1", owner.wallet)
    assert row["self_registered"]
    account = await world.context.client.account(world.context.addresses.user(keypair.pubkey()))
    assert account is not None


async def test_where_nobody_registers_themselves(world: HubWorld) -> None:
    assert "/register" not in (await world.get("/sign-in")).text
    shown = (await world.get("/register")).text
    assert "Ask your operator" in shown
    assert "register-form" not in shown
