"""The product's page in a real Chromium, between a real hub and a real chain."""

import asyncio
import contextlib
import json
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI
from playwright.async_api import Browser, Page, Route, async_playwright

CHROMIUM = "chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 60_000

Alter = Callable[[Any], Any]
"""Makes another answer of an honest one."""


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Debian's Chromium, without a window."""
    path = shutil.which(CHROMIUM)
    assert path, "these tests need chromium: apt-get install chromium"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """Serve an app on a port of this machine; yields its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[assignment] - signals stay pytest's
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


@dataclass
class Visit:
    """One look at a page; `complaints` are what the browser's console was told."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    async def lie(self, pattern: str, alter: Alter) -> None:
        """Stand between the page and what answers it, and alter its JSON."""

        async def answer(route: Route) -> None:
            response = await route.fetch()
            altered = alter(json.loads(await response.text()))
            await route.fulfill(response=response, body=json.dumps(altered))

        await self.page.route(pattern, answer)

    async def verdict(self) -> str:
        """Wait until all is checked; return the kind of verdict: right, open or wrong."""
        selector = "#verdict.right, #verdict.open, #verdict.wrong"
        verdict = await self.page.wait_for_selector(selector, timeout=PATIENCE_MS)
        assert verdict is not None
        return ((await verdict.get_attribute("class")) or "").split()[-1]

    async def steps(self) -> dict[str, str]:
        """The state of each step by its name."""
        found = await self.page.eval_on_selector_all(
            "li.step", "all => all.map((one) => [one.id, one.className.split(' ').pop()])"
        )
        return {place.split("-")[-1]: state for place, state in found}

    async def text(self, selector: str) -> str:
        """What a person reads there."""
        return " ".join((await self.page.inner_text(selector)).split())


@contextlib.asynccontextmanager
async def visit(
    browser: Browser, width: int = 1200, language: str = "en-GB"
) -> AsyncIterator[Visit]:
    """A fresh profile with one page."""
    context = await browser.new_context(
        locale=language, timezone_id="UTC", viewport={"width": width, "height": 900}
    )
    page = await context.new_page()
    visitor = Visit(page)
    page.on(
        "console",
        lambda message: (
            visitor.complaints.append(message.text)
            if message.type in {"error", "warning"}
            else None
        ),
    )
    page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    try:
        yield visitor
    finally:
        await context.close()
