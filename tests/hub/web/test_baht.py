"""Paying in baht in a real Chromium: by the browser's own wallet, and what becomes of it."""

import datetime as dt
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from browser import visit
from coincurve import PrivateKey
from hub_world import HubWorld, User
from hub_world import expect as answered
from playwright.async_api import Browser, Page, expect
from signing_in import sign_in

from gridtokenx_programs.evm import address_of_key, sign
from gridtokenx_programs.evm.words import keccak

if TYPE_CHECKING:
    from baht_world import Baht

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOCALES = {"en": "en-GB", "th": "th-TH"}
PHONE = 360
WALLET = """
window.ethereum = { request: async ({ method, params }) => {
  const answer = JSON.parse(await walletRequest(method, JSON.stringify(params)));
  if (answer.refused) throw new Error(answer.refused);
  return answer.result;
} };
"""
"""A wallet as EIP-1193 has it; the key stays with the test, the chain is a real one."""
PAID = """
INSERT INTO payments (reservation_id, payer, buyer_wallet, micro_thbc, pay_deadline, state,
                      block_number, evm_transaction, paid_at)
SELECT reservation_id, payer, buyer_wallet, micro_thbc, pay_deadline, 'locked', 7, '\\x01', now()
  FROM quotes WHERE reservation_id = $1
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def baht(world: HubWorld) -> "AsyncIterator[Baht]":
    """The bridge of the hub whose pages are served."""
    from baht_world import baht_beside  # noqa: PLC0415 - its modules lie on the conftest's path

    async with baht_beside(world) as beside:
        await beside.open()
        yield beside


class Wallet:
    """What a person has in the browser."""

    def __init__(self, baht: "Baht") -> None:
        self.baht = baht
        self.key = PrivateKey()
        self.address = f"0x{address_of_key(self.key).hex()}"
        self.asked: list[str] = []

    async def install(self, page: Page) -> None:
        await page.expose_function("walletRequest", self.answer)
        await page.add_init_script(WALLET)

    def answer(self, method: str, text: str) -> str:
        self.asked.append(method)
        params: list[Any] = json.loads(text)
        return json.dumps({"result": self.result(method, params)})

    def result(self, method: str, params: list[Any]) -> Any:
        if method == "eth_requestAccounts":
            return [self.address]
        if method == "wallet_switchEthereumChain":
            return None
        if method == "personal_sign":
            data = bytes.fromhex(params[0][2:])
            head = b"\x19Ethereum Signed Message:\n" + str(len(data)).encode()
            return f"0x{sign(self.key, keccak(head + data)).hex()}"
        if method == "eth_sendTransaction":
            self.baht.node.call("anvil_impersonateAccount", self.address)
        return self.baht.node.call(method, *params)


async def choose_baht(page: Page, name: str) -> None:
    """Open the dialog and choose how to pay, by the keyboard."""
    await page.focus("button.buy")
    await page.keyboard.press("Enter")
    await expect(page.locator("#buy-amount")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("ArrowDown")
    if name == "own_thb":
        await page.keyboard.press("ArrowDown")
    await expect(page.locator(f"input[value={name}]")).to_be_checked()


@pytest.mark.parametrize("language", LOCALES)
async def test_paid_from_the_browsers_own_wallet(
    baht: "Baht", browser: Browser, hub_url: str, language: str
) -> None:
    """From Buy Now to baht in the real bridge, on a phone, with no hand on the mouse."""
    world = baht.world
    seller, buyer, wallet = await world.seller(2), await world.user(), Wallet(baht)
    order = await world.sell(seller, 2, 3)
    await baht.fund(wallet.address)
    async with visit(browser, PHONE, LOCALES[language]) as buying:
        page = buying.page
        await wallet.install(page)
        await sign_in(page, hub_url, buyer.token)
        await page.goto(f"{hub_url}/orders/{order['order_id']}")
        await choose_baht(page, "own_thb")
        await expect(page.locator("#buy-total")).to_contain_text("60 ")
        await expect(page.locator("#buy-baht")).to_have_text("6 GRX")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{hub_url}/payments/*")
        reservation_id = page.url.rpartition("/")[2]
        await expect(page.locator("#countdown")).to_contain_text(":")
        await expect(page.locator(".badge.awaiting_payment")).to_be_visible()
        await look(page, language)
        await page.focus("#send")
        await page.keyboard.press("Enter")
        await expect(page.locator("#toast")).not_to_have_text("", timeout=20_000)
        shown = answered(
            await world.get(f"/api/bridge/payments/{reservation_id}", buyer.token), 200
        )
        assert shown["payer"] == wallet.address
        assert baht.contracts.balance(wallet.address) == 10_000_000_000 - 60_000_000
        await world.pool.execute(PAID, reservation_id)
        await expect(page.locator(".badge.paid")).to_be_visible(timeout=20_000)
        await expect(page.locator("#send")).to_have_count(0)
        await look(page, language)
        await page.goto(f"{hub_url}/orders/{order['order_id']}")
        await expect(page.locator("#purchases a")).to_have_attribute(
            "href", f"/payments/{reservation_id}"
        )
        await look(page, language)
        assert not buying.complaints
    assert wallet.asked.count("personal_sign") == 1
    assert wallet.asked.count("eth_sendTransaction") == 2


async def look(page: Page, language: str) -> None:
    assert await page.get_attribute("html", "lang") == language
    found = await Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    wide = "document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
    assert await page.evaluate(wide) <= 0


async def reserve(baht: "Baht") -> tuple[User, str]:
    """A reservation that is paid from the account which the hub holds."""
    seller, buyer = await baht.world.seller(1), await baht.world.user()
    order = await baht.world.sell(seller, 1, 3)
    body = {
        "buyer_wallet": buyer.wallet,
        "order_id": order["order_id"],
        "payment_method": "THB",
    }
    answer = await baht.world.post("/api/trading/orders/match", body, buyer.token)
    return buyer, str(answered(answer, 200)["reservation_id"])


async def test_without_a_wallet(baht: "Baht", browser: Browser, hub_url: str) -> None:
    """The browser's wallet is not offered; who buys from the hub's account is told where it is."""
    seller, buyer = await baht.world.seller(1), await baht.world.user()
    order = await baht.world.sell(seller, 1, 3)
    async with visit(browser) as buying:
        page = buying.page
        await sign_in(page, hub_url, buyer.token)
        await page.goto(f"{hub_url}/orders/{order['order_id']}")
        await page.click("button.buy")
        await expect(page.locator("input[value=own_thb]")).to_be_hidden()
        await page.check("input[value=thb]")
        await page.click("#buy-confirm")
        await page.wait_for_url(f"{hub_url}/payments/*")
        await expect(page.locator("#payment")).to_contain_text("The hub holds the key")
        await page.click("#calls summary")
        await expect(page.locator("#calls li")).to_have_count(2)
        await look(page, "en")
        assert not buying.complaints


async def test_paid_from_the_account_that_the_hub_holds(
    baht: "Baht", browser: Browser, hub_url: str
) -> None:
    """Asked once whether it is meant, the hub pays."""
    buyer, reservation_id = await reserve(baht)
    async with visit(browser) as buying:
        page = buying.page
        page.on("dialog", lambda dialog: dialog.accept())
        await sign_in(page, hub_url, buyer.token)
        await page.goto(f"{hub_url}/payments/{reservation_id}")
        await page.click("button.act")
        await expect(page.locator("#toast")).to_contain_text("too few baht")
        await baht.fund(await page.locator("#payment dd .code").first.inner_text())
        await page.click("button.act")
        await expect(page.locator("#toast")).to_contain_text("Sent.", timeout=20_000)
    spent = "SELECT count(*) FROM evm_transactions WHERE reservation_id = $1"
    assert await baht.world.pool.fetchval(spent, reservation_id) == 1


async def test_a_refund(baht: "Baht", browser: Browser, hub_url: str) -> None:
    """Where the energy does not come: from when, and then the button that takes the baht back."""
    buyer, reservation_id = await reserve(baht)
    await baht.world.pool.execute(PAID, reservation_id)
    await baht.world.pool.execute(
        "UPDATE reservations SET status = 'released', ended_at = now() WHERE reservation_id = $1",
        reservation_id,
    )
    async with visit(browser) as looking:
        page = looking.page
        await sign_in(page, hub_url, buyer.token)
        await page.goto(f"{hub_url}/payments/{reservation_id}")
        await expect(page.locator(".badge.refundable")).to_be_visible()
        await expect(page.locator("#payment")).to_contain_text("Refund possible from")
        await expect(page.locator("button.act")).to_have_count(0)
        await baht.world.pool.execute(
            "UPDATE quotes SET pay_deadline = now() - interval '25 hours'"
            " WHERE reservation_id = $1",
            reservation_id,
        )
        await expect(page.locator("button.act")).to_have_text(
            "Take the baht back now", timeout=20_000
        )
        await look(page, "en")
        assert not looking.complaints


async def test_time_runs_out(baht: "Baht", browser: Browser, hub_url: str) -> None:
    """The countdown ends, and the page says so by itself."""
    buyer, reservation_id = await reserve(baht)
    deadline = await baht.world.pool.fetchval(
        "SELECT pay_deadline FROM quotes WHERE reservation_id = $1", reservation_id
    )
    async with visit(browser) as looking:
        page = looking.page
        await sign_in(page, hub_url, buyer.token)
        with baht.world.having(clock=lambda: deadline - dt.timedelta(seconds=75)):
            await page.goto(f"{hub_url}/payments/{reservation_id}")
            await expect(page.locator("#countdown")).to_contain_text("1:")
        with baht.world.having(clock=lambda: deadline + dt.timedelta(seconds=1)):
            await expect(page.locator(".badge.expired_unpaid")).to_be_visible(timeout=20_000)
        assert not looking.complaints


async def test_anothers_payment(baht: "Baht", browser: Browser, hub_url: str) -> None:
    _, reservation_id = await reserve(baht)
    other = await baht.world.user()
    async with visit(browser) as looking:
        page = looking.page
        await page.goto(f"{hub_url}/payments/{reservation_id}")
        await expect(page.locator("#sign-in-first")).to_be_visible()
        await sign_in(page, hub_url, other.token)
        answer = await page.goto(f"{hub_url}/payments/{reservation_id}")
        assert answer is not None
        assert answer.status == 404


async def test_where_nobody_sells_for_baht(world: HubWorld, browser: Browser, hub_url: str) -> None:
    seller = await world.seller(1)
    order = await world.sell(seller, 1, 3)
    with world.having(bridge=None):
        async with visit(browser) as looking:
            await looking.page.goto(f"{hub_url}/orders/{order['order_id']}")
            await looking.page.click("button.buy")
            await expect(looking.page.locator("input[name=payment]")).to_have_count(1)
