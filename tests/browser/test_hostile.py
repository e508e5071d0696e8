"""The list of naughty strings in a real browser: pages show many of them at once, as text; no
script of theirs runs, and no dialog opens."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Dialog, Page

from tests import postgres
from tests.browser.chromium import Troubles, chromium, visitor
from tests.gateways.rest.hostile import FILE, strings
from tests.journeys.box import ADDRESS, Box, Client, market
from tests.journeys.scene import open_shop

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not FILE.is_file(), reason="HAAT_TEST_DATA has no hostile strings"),
]
# What the strings try to call, planted before any page's own scripts.
PLANTED = """
window.fired = [];
for (const name of ["alert", "confirm", "prompt", "print"])
  window[name] = (...given) => { window.fired.push(name + ":" + given.join()); };
"""
ADDRESSES = 50
SAMPLED = 4  # every which string is a product's title, where all of them would take long


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(
    program: str,
    postgres_url: str,
    template_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Box, Browser]]:
    folder: Path = tmp_path_factory.mktemp("hostile")
    with postgres.database(postgres_url, template=postgres.name_of(template_url)) as url:
        async with market(url, folder, "local") as box, chromium(program) as browser:
            yield box, browser


async def _opened(page: Page, box: Box, client: Client, path: str, fired: list[str]) -> str:
    """The page's text, after whatever it does by itself."""
    await page.goto(box.address + path)
    fired += await page.evaluate("window.fired")
    await page.mouse.move(200, 300)
    await page.keyboard.press("Tab")
    fired += await page.evaluate("window.fired")
    return str(await page.evaluate("document.body.textContent"))


def _plain(text: str) -> str:
    return "".join(text.split())


async def test_nothing_of_them_runs(site: tuple[Box, Browser], troubles: Troubles) -> None:
    box, browser = site
    texts = strings()
    shop = await open_shop(box, "Clay House", price=900, stock=9)
    kept = await _planted(box, shop.owner, texts)
    fired: list[str] = []
    async with visitor(browser, troubles, width=390) as page:
        page.on("dialog", lambda dialog: note(dialog, fired))
        await page.add_init_script(PLANTED)
        cookie = {"name": "haat_access", "value": str(shop.owner.token), "url": box.address}
        await page.context.add_cookies([cookie])  # type: ignore[list-item]
        shown = {
            "/account": kept["labels"],
            "/vendor/products": kept["titles"],
            "/search?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E": [],
            "/": [],
        }
        for path, wanted in shown.items():
            told = _plain(await _opened(page, box, shop.owner, path, fired))
            missing = [text for text in wanted if _plain(text) not in told]
            # All addresses stand on one page; a list of goods has several.
            most = 0 if path == "/account" else len(wanted) // 2
            assert len(missing) <= most, (path, missing[:5])
        for slug in kept["slugs"][:12]:
            await _opened(page, box, shop.owner, f"/products/{slug}", fired)
    assert fired == []
    assert troubles.found == []


async def note(dialog: Dialog, fired: list[str]) -> None:
    fired.append(f"dialog:{dialog.message}")
    await dialog.dismiss()


async def _planted(box: Box, owner: Client, texts: list[str]) -> dict[str, list[str]]:
    """Labels of addresses and titles of products that the market took, with the markup as it is."""
    scripts = [text for text in texts if "<" in text]
    slots = asyncio.Semaphore(6)

    async def labelled(text: str) -> str | None:
        async with slots:
            body = {**ADDRESS, "label": text[:40], "line2": text[:120]}
            answer = await owner.post("/me/addresses", body)
        return text[:40] if answer.status_code == 201 else None

    async def titled(at: int, text: str) -> dict[str, Any] | None:
        body = {
            "title": text,
            "descriptionHtml": text,
            "brand": text[:80],
            "variants": [{"sku": f"S-{at}", "price": {"minor": 100, "currency": "USD"}}],
        }
        async with slots:
            answer = await owner.post("/products", body)
            assert answer.status_code in (201, 422), answer.text
            return answer.json() if answer.status_code == 201 else None

    labels = await asyncio.gather(*map(labelled, scripts[:ADDRESSES]))
    made = await asyncio.gather(*(titled(*one) for one in enumerate(texts[::SAMPLED])))
    products = [one for one in made if one]
    assert len(products) > len(texts) // SAMPLED // 2
    staff = await box.staff()
    for one in [one for one in products if "<" in one["title"]][:12]:
        await owner.ok("POST", f"/products/{one['id']}/submit")
        path = f"/admin/products/{one['id']}/approve"
        await staff.ok("PATCH", path, {"decision": "approve"})
    await box.settle()
    return {
        "labels": [one for one in labels if one],
        "titles": [one["title"] for one in products][-20:],
        "slugs": [one["slug"] for one in products if "<" in one["title"]],
    }
