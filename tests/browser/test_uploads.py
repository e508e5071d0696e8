"""Pictures and a video of a product in a browser: sent in steps with a bar where there are scripts,
with the form where there are none; and the page that shows them."""

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Route, expect

from tests.browser import hands
from tests.browser.chromium import Troubles, visitor
from tests.browser.conftest import Square
from tests.browser.test_orders import seen
from tests.domains.people.uploading import film
from tests.journeys.box import PASSWORD

pytestmark = pytest.mark.browser


def drawn(folder: Path, name: str, size: tuple[int, int] = (1400, 900)) -> Path:
    """Noise, so that it is large enough to be sent in several steps."""
    out = BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(out, "JPEG", quality=95)
    (folder / name).write_bytes(out.getvalue())
    return folder / name


async def test_pictures_are_sent_while_the_form_is_written(
    square: Square, troubles: Troubles, tmp_path: Path
) -> None:
    shop, wrong = square.clay, []
    path = f"/vendor/products/{shop.product['id']}"
    owner = shop.owner.person["email"]
    broken = 0

    async def breaking(route: Route) -> None:
        """The second step is lost on its way."""
        nonlocal broken
        broken += 1
        if broken == 2:
            await route.abort()
        else:
            await route.continue_()

    async with visitor(square.browser, troubles) as page:
        await hands.sign_in(page, square.site, owner, PASSWORD, to=path)
        await page.route("**/api/v1/media/tus/*", breaking)
        with troubles.expecting(0):
            files = [drawn(tmp_path, "one.jpg"), drawn(tmp_path, "two.jpg", (800, 1000))]
            await page.get_by_label("Add pictures").set_input_files(files)
            await expect(page.get_by_text("save to keep it")).to_have_count(2, timeout=60_000)
        wrong += await seen(page, "product-uploads")
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(page.get_by_text("The product is saved")).to_be_visible()
        await expect(page.locator(".picture-row")).to_have_count(2)
        (tmp_path / "no.jpg").write_bytes(b"<html>" * 100)
        with troubles.expecting(422):
            await page.get_by_label("Add pictures").set_input_files(tmp_path / "no.jpg")
            await expect(page.locator(".uploads .wrong")).to_be_visible()
        wrong += await seen(page, "product-refused")
    assert broken >= 4
    troubles.found = [line for line in troubles.found if "media/tus" not in line]
    assert troubles.found == []
    assert wrong == []


async def test_a_video_without_scripts(square: Square, troubles: Troubles, tmp_path: Path) -> None:
    shop, wrong = square.loom, []
    (tmp_path / "a.mp4").write_bytes(film(400_000))
    path = f"/vendor/products/{shop.product['id']}"
    async with visitor(square.browser, troubles, width=390, scripts=False) as page:
        owner = shop.owner.person["email"]
        await hands.sign_in(page, square.site, owner, PASSWORD, to=path)
        await page.get_by_label("Add pictures").set_input_files(drawn(tmp_path, "one.jpg"))
        await page.get_by_text("Add a video").click()
        await page.get_by_label("Video", exact=True).set_input_files(tmp_path / "a.mp4")
        poster = page.get_by_label("The picture it is shown by")
        await poster.set_input_files(drawn(tmp_path, "poster.jpg"))
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(page.get_by_text("The product is saved")).to_be_visible()
        wrong += await seen(page, "product-with-video")
        await page.goto(square.product(shop))
        video = page.locator("video")
        await expect(video).to_be_visible()
        assert await video.get_attribute("autoplay") is None
        wrong += await seen(page, "gallery-with-video")
    assert troubles.found == []
    assert wrong == []
