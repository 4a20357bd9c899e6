"""How a person signs in, by the keyboard alone."""

from playwright.async_api import Page


async def sign_in(page: Page, hub_url: str, token: str) -> None:
    """Type a token into the form and wait for the order book."""
    await page.goto(f"{hub_url}/sign-in")
    await page.focus("#token")
    await page.keyboard.type(token)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{hub_url}/")
