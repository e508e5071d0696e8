"""Pictures and videos of products on a real market: by forms alone, and by what a page sends in
steps; how the pages then show them."""

import re
from uuid import UUID

import pytest_asyncio

from haat.domains.goods.catalog.api import Catalog, Product
from haat.domains.people.media.api import Media
from tests.domains.people.uploading import film
from tests.gateways.web.browser import Browser, Files, form_in, picture
from tests.journeys.box import Box
from tests.journeys.scene import Shop, open_shop


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def clay(box: Box) -> Shop:
    return await open_shop(box, "Clay House", price=1299, stock=50)


@pytest_asyncio.fixture(loop_scope="session")
async def owner(box: Box, clay: Shop) -> Browser:
    return await Browser(box).sign_in("owner@clay-house.example.com")


async def product_of(box: Box, clay: Shop) -> Product:
    ctx = box.runtime.system_context("test")
    found: Product = await box.runtime.inner[Catalog].product(ctx, ref=str(clay.product["id"]))
    return found


async def test_a_video_by_form(box: Box, owner: Browser, clay: Shop) -> None:
    path = f"/vendor/products/{clay.product['id']}"
    form = form_in(await owner.page(path), path)
    content = film(3_000_000)
    files: Files = [("film", ("a.mp4", content, "video/mp4")), ("poster", picture("blue"))]
    assert await owner.done(path, {**form, "save": "on"}, files) == path
    [shown] = (await product_of(box, clay)).pictures
    assert shown.film_id is not None
    assert shown.width
    edit = form_in(await owner.page(path), path)
    assert edit["p0_film"] == str(shown.film_id)
    edit["p0_alt"] = "How it is thrown"
    assert await owner.done(path, {**edit, "save": "on"}) == path
    [kept] = (await product_of(box, clay)).pictures
    assert (kept.film_id, kept.alt, kept.width) == (shown.film_id, "How it is thrown", shown.width)

    text = await Browser(box).page(f"/products/{clay.product['slug']}")
    tag = re.search(r"<video[^>]*>", text)
    assert tag is not None
    for said in ("controls", 'preload="none"', f"/media/{shown.media_id}/960.webp", "thrown"):
        assert said in tag[0]
    assert "autoplay" not in tag[0]
    guest = Browser(box)
    part = await guest.http.get(f"/media/{shown.film_id}", headers={"range": "bytes=1000-1999"})
    assert (part.status_code, len(part.content)) == (206, 1000)
    page = await guest.http.get(f"/products/{clay.product['slug']}")
    assert "media-src 'self'" in page.headers["content-security-policy"]

    await box.settle()
    ctx = box.runtime.system_context("test")
    await box.runtime.run_timers()
    files_kept = await box.runtime.inner[Media].files(ctx, ids=[kept.film_id, kept.media_id])
    assert len(files_kept) == 2


async def test_what_is_wrong_with_a_video_is_told(box: Box, owner: Browser, clay: Shop) -> None:
    path = f"/vendor/products/{clay.product['id']}"
    form = {**form_in(await owner.page(path), path), "save": "on"}
    alone: Files = [("film", ("a.mp4", film(), "video/mp4"))]
    refused = await owner.send(path, form, alone)
    assert refused.status_code == 422
    assert "Choose the picture it is shown by" in refused.text
    other: Files = [("film", ("a.mp4", b"<html>" * 99, "video/mp4")), ("poster", picture("pink"))]
    for _ in range(2):
        refused = await owner.send(path, form, other)
        assert refused.status_code == 422
        assert 'id="film-error"' in refused.text
    text: Files = [("film", ("a.txt", b"hello", "text/plain")), ("poster", picture("pink"))]
    assert (await owner.send(path, form, text)).status_code == 422


async def test_pictures_sent_in_steps(box: Box, owner: Browser, clay: Shop) -> None:
    _, content, kind = picture("olive")
    body = {"contentType": kind, "sizeBytes": len(content)}
    begun = await owner.http.post("/vendor/uploads", json=body)
    assert begun.status_code == 201
    upload = begun.json()
    guest = Browser(box)  # the address is all that is needed
    headers = {
        "tus-resumable": "1.0.0",
        "content-type": "application/offset+octet-stream",
        "upload-offset": "0",
    }
    sent = await guest.http.patch(upload["url"], headers=headers, content=content[:50])
    assert (sent.status_code, sent.headers["upload-offset"]) == (204, "50")
    told = await guest.http.head(upload["url"], headers=headers)
    assert told.headers["upload-offset"] == "50"
    rest = {**headers, "upload-offset": "50"}
    assert (await guest.http.patch(upload["url"], headers=rest, content=content[50:])).is_success
    path = f"/vendor/products/{clay.product['id']}"
    form = form_in(await owner.page(path), path)
    before = int(form["pictures"])
    odd = f"{upload['id']} nonsense {UUID(int=1)} {upload['id']}"
    assert await owner.done(path, {**form, "uploaded": odd, "save": "on"}) == path
    pictures = (await product_of(box, clay)).pictures
    assert [str(one.media_id) for one in pictures[before:]] == [upload["id"]]
    for bad in ({}, {"contentType": "text/html", "sizeBytes": 5}, {"sizeBytes": "x"}):
        assert (await owner.http.post("/vendor/uploads", json=bad)).status_code == 422
    assert (await guest.http.post("/vendor/uploads", json=body)).status_code in (303, 401)
    foreign = {"sec-fetch-site": "cross-site"}
    refused = await owner.http.post("/vendor/uploads", json=body, headers=foreign)
    assert refused.status_code == 403


async def test_pages_offer_every_format_and_width(box: Box, owner: Browser, clay: Shop) -> None:
    path = f"/vendor/products/{clay.product['id']}"
    form = form_in(await owner.page(path), path)
    assert (
        await owner.done(path, {**form, "save": "on"}, [("new_pictures", picture("navy"))]) == path
    )
    text = await owner.page(path)
    assert "Your store keeps" in text
    found = (await product_of(box, clay)).pictures[-1]
    assert f'<source type="image/avif" srcset="/media/{found.media_id}/160.avif' in text
    img = re.search(rf'<img src="/media/{found.media_id}/640.webp"[^>]*>', text)
    assert img is not None
    assert f'width="{found.width}" height="{found.height}"' in img[0]
    assert f"/media/{found.media_id}/160.webp" in img[0]
    assert 'loading="lazy"' in img[0]
    assert "1280.webp" not in img[0], "no wider than it is"
