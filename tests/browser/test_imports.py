"""A file of goods in a browser without scripts: it is sent, a bar says how far it is, the rows
that were left out are corrected and sent again."""

import csv
import io
import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser import hands
from tests.browser.chromium import Troubles, visitor
from tests.browser.conftest import Square
from tests.browser.test_orders import seen
from tests.journeys.box import PASSWORD

pytestmark = pytest.mark.browser
ROWS, WRONG = 2_000, 20
HERE = "/vendor/imports"
NAMES = ("handle", "title", "sku", "price", "weight_g", "stock")


def goods(path: Path) -> None:
    """Products of a row each; some have no price that is one."""
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(NAMES)
        for n in range(ROWS):
            price = "about nine" if n % (ROWS // WRONG) == 7 else f"{5 + n % 90}.50"
            out.writerow((f"bowl-{n}", f"Bowl number {n}", f"BOWL-{n}", price, "300", "4"))


async def send(page: Page, site: str, path: Path) -> None:
    await page.goto(f"{site}{HERE}")
    await page.locator("input[type=file]").set_input_files(path)
    await page.get_by_role("button", name="Send the file").click()
    await page.wait_for_url(re.compile(rf"{HERE}/[0-9a-f-]{{36}}"))


async def go(page: Page, troubles: list[str], name: str) -> None:
    """Starts what was sent; what the page says of its progress is looked at on the way."""
    await page.get_by_role("button", name=re.compile("^Import")).first.click()
    bar = page.get_by_role("progressbar")
    if await bar.count():
        troubles += await seen(page, name)
        await expect(page.get_by_text(re.compile("rows|being read"))).to_be_visible()
    await expect(bar).to_have_count(0, timeout=120_000)  # the page comes again by itself


async def test_a_file_is_sent_corrected_and_sent_again(
    square: Square, troubles: Troubles, tmp_path: Path
) -> None:
    shop, site, wrong = square.clay, square.site, list[str]()
    file, again = tmp_path / "goods.csv", tmp_path / "again.csv"
    goods(file)
    async with visitor(square.browser, troubles, width=390, scripts=False) as page:
        await hands.sign_in(page, site, shop.owner.person["email"], PASSWORD, to=HERE)
        await send(page, site, file)
        wrong += await seen(page, "import-mapping")
        await go(page, wrong, "import-running")
        stats = page.locator(".stats")
        await expect(stats).to_contain_text(re.compile(r"1,?980"))
        wrong += await seen(page, "import-done")
        async with page.expect_download() as download:
            await page.get_by_role("link", name="Download rows to correct").click()
        left_out = await (await download.value).path()
        rows = list(csv.DictReader(io.StringIO(left_out.read_text(encoding="utf-8-sig"))))
        assert len(rows) == WRONG
        assert all("not an amount of money" in row["Error"] for row in rows)
        again.write_text(left_out.read_text(encoding="utf-8-sig").replace("about nine", "9"))
        await send(page, site, again)
        await go(page, wrong, "import-again")
        await expect(stats).to_contain_text(str(WRONG))
        await expect(page.get_by_role("link", name="Download rows to correct")).to_have_count(0)
    listed = await shop.owner.ok("GET", "/imports")
    assert [one["counts"]["created"] for one in listed["items"][:2]] == [WRONG, ROWS - WRONG]
    assert troubles.found == []
    assert wrong == []
