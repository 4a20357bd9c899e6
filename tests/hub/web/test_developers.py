"""The developers' page: what it shows runs as it stands, against the running hub."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from browser import visit
from hub_world import HubWorld, expect_problem
from hub_world import expect as answered
from playwright.async_api import Browser, Page, expect
from signing_in import sign_in
from test_private import signed_in

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE = 360
LOCALES = {"en": "en-GB", "th": "th-TH"}
PATIENCE_S = 30


@pytest.fixture
def public(world: HubWorld, hub_url: str) -> Iterator[str]:
    """The hub as it is reached."""
    settings = world.context.settings.model_copy(update={"public_url": hub_url})
    with world.having(settings=settings):
        yield hub_url


async def shown(browser: Browser, hub_url: str, name: str) -> str:
    """A snippet as a person copies it."""
    async with visit(browser) as reading:
        await reading.page.goto(f"{hub_url}/developers")
        return await reading.page.inner_text(f"#snippet-{name}")


@contextlib.asynccontextmanager
async def started(
    program: tuple[str, ...], folder: Path, token: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *program,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "GTX_TOKEN": token},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def said(program: tuple[str, ...], folder: Path, token: str) -> str:
    async with started(program, folder, token) as process:
        output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()
        return output.decode()


async def test_the_first_call(
    world: HubWorld, browser: Browser, public: str, tmp_path: Path
) -> None:
    user = await world.user("First Caller")
    by_shell = await shown(browser, public, "first_call-sh")
    by_python = await shown(browser, public, "first_call-py")
    assert '"First Caller"' in await said(("sh", "-c", by_shell), tmp_path, user.token)
    python = (sys.executable, "-I", "-c", by_python)
    assert await said(python, tmp_path, user.token) == "First Caller\n"


async def test_once_and_errors_by_name(
    world: HubWorld, browser: Browser, public: str, tmp_path: Path
) -> None:
    seller, poor = await world.seller(2), await world.user()
    python = (sys.executable, "-I", "-c", await shown(browser, public, "sell-py"))
    first, second = (await said(python, tmp_path, seller.token)).split()
    assert first == second
    assert await world.balances(seller) == (0.5, 0)
    assert (await said(python, tmp_path, poor.token)).startswith("InsufficientBalance ")


async def test_the_stream_goes_on_where_it_was(
    world: HubWorld, browser: Browser, public: str, tmp_path: Path
) -> None:
    seller = await world.seller(3)
    python = (sys.executable, "-I", "-c", await shown(browser, public, "stream-py"))

    async def until(process: asyncio.subprocess.Process, order: str) -> str:
        heard = b""
        assert process.stdout is not None
        try:
            async with asyncio.timeout(PATIENCE_S):
                while order.encode() not in heard:
                    heard += await process.stdout.readline()
        except TimeoutError:
            pytest.fail(f"{order} did not come:\n{heard.decode()}")
        return heard.decode()

    (tmp_path / "last-event-id").write_text("energy_token:0,registry:0,trading:0")
    orders = [str((await world.sell(seller, 1, 3))["order_id"]) for _ in range(2)]
    async with started(python, tmp_path, seller.token) as process:
        await until(process, orders[1])  # the one before it is noted down by then
    orders.append(str((await world.sell(seller, 1, 3))["order_id"]))
    async with started(python, tmp_path, seller.token) as process:
        heard = await until(process, orders[2])
    assert orders[0] not in heard


async def look(page: Page) -> None:
    found = await Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    wide = "document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
    assert await page.evaluate(wide) <= 0


@pytest.mark.parametrize("language", LOCALES)
async def test_a_household_makes_and_revokes_its_own_tokens(
    world: HubWorld, browser: Browser, hub_url: str, language: str
) -> None:
    user = await world.user(f"Integrator {language}")
    async with visit(browser, PHONE, LOCALES[language]) as making:
        page = making.page
        page.on("dialog", lambda dialog: dialog.accept())
        await page.goto(f"{hub_url}/")
        await page.click("footer a[href='/developers']")
        await look(page)
        await expect(page.locator("#new-token")).to_have_count(0)
        await sign_in(page, hub_url, user.token)
        await page.goto(f"{hub_url}/developers")
        await page.fill("#token-label", "dashboard")
        await page.keyboard.press("Enter")
        await expect(page.locator("#secret-box")).to_be_focused()
        token = await page.inner_text("#secret")
        me = answered(await world.get("/api/users/me", token), 200)
        assert me["user_id"] == user.user_id
        await look(page)
        row = page.locator("tr[id^=token-]", has_text="dashboard")
        await row.locator("button").click()
        await expect(row).to_have_count(0)
        expect_problem(await world.get("/api/users/me", token), 401)
        assert not making.complaints


async def test_tokens_are_their_households_alone(world: HubWorld) -> None:
    user, other = await world.user(), await world.user()
    created = answered(
        await world.post("/api/tokens", {"role": "user", "label": "mine alone"}, user.token), 201
    )
    async with signed_in(world, other.token) as client:
        assert "mine alone" not in (await client.get("/developers")).text
        answer = await client.delete(
            f"/api/tokens/{created['token_id']}", headers={"Origin": "http://hub"}
        )
        assert answer.status_code == 404
    async with signed_in(world, user.token) as client:
        assert "mine alone" in (await client.get("/developers")).text
