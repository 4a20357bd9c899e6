"""Takes the pictures of the main pages for docs/screens; `./run screens` runs it."""

import os
from pathlib import Path

import pytest
from browser import visit
from playwright.async_api import Browser
from signing_in import sign_in
from stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")

FOLDER = Path(os.environ.get("GTX_SCREENS", "docs/screens"))
PAGES = {
    "book": ("/", None),
    "energy": ("/energy", "seller"),
    "meters": ("/meters", "seller"),
    "explorer": ("/explorer", "seller"),
    "operations": ("/operations", "operator"),
    "redeem": ("/redeem", "seller"),
    "people": ("/people", "operator"),
    "developers": ("/developers", None),
}
VIEWS = (("en", "en-GB", 1200), ("th", "th-TH", 1200), ("th-phone", "th-TH", 390))
MOST_BYTES = 150_000


@pytest.mark.parametrize(("suffix", "locale", "width"), VIEWS, ids=[view[0] for view in VIEWS])
@pytest.mark.parametrize("name", PAGES)
async def test_screen(
    stage: Stage, browser: Browser, hub_url: str, name: str, suffix: str, locale: str, width: int
) -> None:
    path, who = PAGES[name]
    tokens = {"seller": stage.seller.token, "operator": stage.world.operator}
    async with visit(browser, width, locale) as visitor:
        if who is not None:
            await sign_in(visitor.page, hub_url, tokens[who])
        await visitor.page.goto(hub_url + path)
        await visitor.page.evaluate("document.fonts.ready")
        picture = await visitor.page.screenshot(path=FOLDER / f"{name}-{suffix}.png")
        assert len(picture) < MOST_BYTES
