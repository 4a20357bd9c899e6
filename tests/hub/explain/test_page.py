"""The page checks an honest hub, and sees through a lying one, in a real Chromium."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from browser import Visit, visit
from houses import Case, house, settle
from hub_world import HubWorld, expect
from playwright.async_api import Browser

pytestmark = pytest.mark.asyncio(loop_scope="session")

ALL = ("transaction", "signature", "record", "key", "amount", "chain", "registers")


async def share_of(world: HubWorld, case: Case) -> str:
    body = {"meter_id": case.house.meter_id}
    response = await world.post(f"/api/explain/{case.second}/shares", body, case.house.user.token)
    return str(expect(response, 201)["path"])


async def test_all_is_right(world: HubWorld, case: Case, browser: Browser, hub_url: str) -> None:
    async with visit(browser) as visitor:
        await visitor.page.goto(hub_url + await share_of(world, case))
        assert await visitor.verdict() == "right", await visitor.text("#explain")
        assert await visitor.steps() == dict.fromkeys(ALL, "right")
        assert "2 kWh" in await visitor.text(".settlement h2")
        assert not visitor.complaints
        await visitor.page.screenshot(path="/tmp/gtx/explain/desktop.png", full_page=True)
