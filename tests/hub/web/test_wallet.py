"""A household with a wallet of its own signs in and buys by it, in a real Chromium."""

import base64
from decimal import Decimal

import pytest
from browser import visit
from hub_world import HubWorld
from hub_world import expect as answered
from playwright.async_api import Browser, Page, expect
from signers import Owner, register, signed_by
from signing_in import sign_in

pytestmark = pytest.mark.asyncio(loop_scope="session")

WALLET = """
const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const text = (data) => btoa(String.fromCharCode(...data));
const account = { address: "ADDRESS" };
const wallet = { name: "Test", features: {
  "standard:connect": { connect: async () => ({ accounts: [account] }) },
  "solana:signMessage": { signMessage: async ({ message }) =>
    [{ signature: bytes(await walletSignMessage(text(message))) }] },
  "solana:signTransaction": { signTransaction: async ({ transaction }) =>
    [{ signedTransaction: bytes(await walletSignTransaction(text(transaction))) }] },
} };
addEventListener("wallet-standard:app-ready", ({ detail }) => detail.register(wallet));
"""
"""An extension as the Wallet Standard has it; the key stays with the test."""


async def install(page: Page, owner: Owner) -> None:
    def sign_message(message: str) -> str:
        signature = owner.keypair.sign_message(base64.b64decode(message))
        return base64.b64encode(bytes(signature)).decode()

    await page.expose_function("walletSignMessage", sign_message)
    await page.expose_function(
        "walletSignTransaction",
        lambda transaction: signed_by(owner.keypair, {"transaction": transaction}),
    )
    await page.add_init_script(WALLET.replace("ADDRESS", owner.wallet))


async def buyer_of(world: HubWorld, grx: int) -> Owner:
    owner = await register(world, "Own wallet", "consumer")
    body = {"user_id": owner.user.user_id, "amount_grx": Decimal(grx)}
    answered(await world.post("/api/treasury/grx", body, world.operator), 201)
    return owner


async def test_a_wallet_signs_in_and_buys(world: HubWorld, browser: Browser, hub_url: str) -> None:
    seller, owner = await world.seller(2), await buyer_of(world, 10)
    order = await world.sell(seller, 2, 3)
    async with visit(browser) as buying:
        page = buying.page
        await install(page, owner)
        await page.goto(f"{hub_url}/sign-in?back=/orders/{order['order_id']}")
        await page.click("#by-wallet")
        await page.wait_for_url(f"{hub_url}/orders/*")
        await expect(page.locator("#visitor")).to_contain_text("Own wallet")
        await page.click("button.buy")
        await page.click("#buy-confirm")
        await expect(page.locator("#toast")).to_have_text("You bought 2 kWh for 6 GRX.")
        assert not buying.complaints
    assert await world.balances(owner.user) == (2, 4)


async def test_without_its_wallet_a_household_is_told_so(
    world: HubWorld, browser: Browser, hub_url: str
) -> None:
    seller, owner = await world.seller(1), await buyer_of(world, 10)
    order = await world.sell(seller, 1, 3)
    async with visit(browser) as buying:
        page = buying.page
        await page.goto(f"{hub_url}/sign-in")
        await expect(page.locator("#by-wallet")).to_be_hidden()
        await sign_in(page, hub_url, owner.user.token)
        await page.goto(f"{hub_url}/orders/{order['order_id']}")
        await page.click("button.buy")
        await page.click("#buy-confirm")
        await expect(page.locator("#buy-message")).to_contain_text("Your wallet has to sign this")
    assert await world.balances(owner.user) == (0, 10)
