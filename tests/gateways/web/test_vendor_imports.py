"""A file of goods by forms: sent, mapped, tried, imported, corrected."""

import asyncio

import pytest_asyncio

from tests.gateways.web.browser import Browser, form_in
from tests.journeys.box import Box
from tests.journeys.scene import Shop, open_shop

HERE = "/vendor/imports"
GOODS = b"Name,Cost,Colour\nMug,4.50,red\nCup,nine,blue\n"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(box: Box) -> Shop:
    return await open_shop(box, "Paper House", price=1299, stock=50)


@pytest_asyncio.fixture(loop_scope="session")
async def owner(box: Box, shop: Shop) -> Browser:
    return await Browser(box).sign_in("owner@paper-house.example.com")


async def sent(owner: Browser, content: bytes, name: str) -> str:
    form = form_in(await owner.page(HERE), HERE)
    return await owner.done(HERE, form, [("file", (name, content, "text/csv"))])


async def over(owner: Browser, path: str) -> str:
    """The run's page once it has ended."""
    for _ in range(1500):
        text = await owner.page(path)
        if "<progress" not in text:
            return text
        assert 'http-equiv="refresh"' in text
        await asyncio.sleep(0.1)
    raise AssertionError("it does not end")


async def test_a_file_by_forms(owner: Browser, shop: Shop) -> None:
    path = await sent(owner, GOODS, "my goods.csv")
    text = await owner.page(path)
    assert "Say which column has the price." in text
    form = form_in(text, path)
    assert form["column.title"] == "Name"
    form["column.price"] = "Cost"
    looked = await owner.send(path, {**form, "look": "on"})
    assert looked.status_code == 200
    assert "4.50 USD" in looked.text
    assert "not an amount of money" in looked.text
    assert (await owner.send(path, {**form, "column.price": ""})).status_code == 422

    assert await owner.done(path, {**form, "try": "on", "save_as": "Mine"}) == path
    text = await over(owner, path)
    assert "Nothing was written" in text
    assert await owner.done(f"{path}/again", {}) == path
    text = await over(owner, path)
    assert "Nothing was written" not in text
    assert "That is not an amount of money." in text
    wrong = await owner.http.get(f"{path}/corrections.csv")
    assert wrong.status_code == 200
    path = await sent(owner, wrong.content.replace(b"nine", b"9"), "corrected.csv")
    form = form_in(await owner.page(path), path)
    assert form["column.price"] == "Cost", "read as the file before"
    assert await owner.done(path, form) == path
    assert "left out" in await over(owner, path)
    listed = await owner.page(HERE)
    assert "corrected.csv" in listed
    assert "my goods.csv" in listed
    assert "Cup" in await owner.page("/vendor/products")


async def test_what_cannot_be_read(owner: Browser, shop: Shop) -> None:
    form = form_in(await owner.page(HERE), HERE)
    answer = await owner.send(HERE, form)
    assert answer.status_code == 422
    assert "Choose a file." in answer.text
    path = await sent(owner, b"%PDF-1.7", "goods.pdf")
    assert "This is not a table" in await owner.page(path)


async def test_all_goods_as_a_file(owner: Browser, shop: Shop) -> None:
    taken = await owner.http.get(f"{HERE}/products.csv")
    assert taken.headers["content-type"].startswith("text/csv")
    assert "paper-house-1" in taken.text
    book = await owner.http.get(f"{HERE}/products.xlsx")
    assert book.content.startswith(b"PK")


async def test_discarding(owner: Browser, shop: Shop) -> None:
    path = await sent(owner, GOODS, "again.csv")
    assert await owner.done(f"{path}/stop", {}) == path
    assert "Stopped" in await owner.page(path)
