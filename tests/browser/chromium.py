"""Chromium as the tests use it: where it is, how it starts, and what went wrong while it ran."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    expect,
)
from playwright.async_api import async_playwright as playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
# No second process model, no traffic of its own: only what the pages ask for.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WAIT_MS = 60_000
expect.set_options(timeout=WAIT_MS)


def find_chromium() -> str | None:
    """The program to start: HAAT_CHROMIUM, else the first that is installed."""
    given = os.environ.get("HAAT_CHROMIUM")
    if given:
        return shutil.which(given)
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@asynccontextmanager
async def chromium(program: str) -> AsyncIterator[Browser]:
    """A headless browser."""
    async with playwright() as engine:
        browser = await engine.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Troubles:
    """What a browser complains about: script errors, refused contents, requests that failed."""

    found: list[str] = field(default_factory=list)
    at: str = ""  # the page being looked at, as people name it
    _expected: tuple[int, ...] = ()

    def add(self, what: str) -> None:
        line = f"{self.at}: {what}" if self.at else what
        if line not in self.found:
            self.found.append(line)

    @contextmanager
    def expecting(self, *statuses: int) -> Iterator[None]:
        """Pages may answer with these for a while."""
        self._expected = statuses
        try:
            yield
        finally:
            self._expected = ()

    def watch(self, context: BrowserContext) -> None:
        context.set_default_timeout(WAIT_MS)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.add(f"script error: {error.error}"))
        context.on("requestfailed", self._failed)
        context.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        # What failed to load is told by the answers, which know whether it was expected.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            kind = "CSP" if "Content Security Policy" in message.text else "console"
            self.add(f"{kind}: {message.text}")

    def _failed(self, request: Request) -> None:
        # Going on to another page while one still loads is no failure.
        if request.failure != "net::ERR_ABORTED":
            self.add(f"request failed: {request.method} {request.url} ({request.failure})")

    def _response(self, response: Response) -> None:
        if response.status < 400:
            return
        is_page = response.request.is_navigation_request()
        if is_page and response.status in self._expected:
            return
        self.add(f"{response.status}: {response.request.method} {urlsplit(response.url).path}")


@asynccontextmanager
async def visitor(
    browser: Browser, troubles: Troubles, *, width: int = 1280, scripts: bool = True, **more: Any
) -> AsyncIterator[Page]:
    """A page of a browser that knows nobody yet: no cookies, nothing kept."""
    context = await browser.new_context(
        viewport={"width": width, "height": 900}, java_script_enabled=scripts, **more
    )
    troubles.watch(context)
    try:
        yield await context.new_page()
    finally:
        await context.close()
