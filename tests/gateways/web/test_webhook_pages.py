"""Webhooks by forms, without JavaScript: a vendor's, the market's, and staff's look at all."""

import html
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from haat.domains.reach.webhooks.api import Webhooks
from tests import postgres
from tests.domains.reach.receiver import Receiver, receiving
from tests.gateways.web.browser import Browser, form_in
from tests.journeys.box import Box, market
from tests.journeys.scene import Shop, buy, open_shop

HERE = "/vendor/webhooks"
ROW = re.compile(r"/webhooks/([0-9a-f-]{36})/deliveries/([0-9a-f-]{36})")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def box(
    postgres_url: str, template_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Box]:
    """A market that may send to this machine."""
    folder: Path = tmp_path_factory.mktemp("market")
    options = {"HAAT_WEBHOOKS_ALLOW_PRIVATE": "127.0.0.0/8", "HAAT_WEBHOOKS_ALLOW_HTTP": "1"}
    with postgres.database(postgres_url, template=postgres.name_of(template_url)) as url:
        async with market(url, folder, "local", options=options) as running:
            yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(box: Box) -> Shop:
    return await open_shop(box, "Clay House", price=1299, stock=50)


@pytest_asyncio.fixture(loop_scope="session")
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


def secret_in(text: str) -> str:
    found = re.search(r'<code class="secret">(whsec_[^<]+)</code>', text)
    assert found, "no secret"
    return html.unescape(found[1])


async def done(box: Box) -> None:
    """Until nothing waits to be sent now."""
    await box.settle()
    service = box.runtime.services[Webhooks]
    await service.send_due(box.runtime.system_context("test"))


async def test_a_vendors_endpoint_from_adding_to_removing(
    box: Box, shop: Shop, receiver: Receiver
) -> None:
    owner = await Browser(box).sign_in("owner@clay-house.example.com")
    assert HERE in await owner.page("/vendor")
    page = await owner.page(HERE)
    assert "payment.failed" not in page, "the market's alone"
    empty = form_in(page, HERE)
    wrongs: list[dict[str, object]] = [
        {"url": "https://10.0.0.1/"},
        {"url": ""},
        {"events": []},
        {"events": ["payment.failed"]},
        {"id": "x"},
        {"description": "x" * 201},
    ]
    full: dict[str, object] = {
        **empty,
        "url": receiver.url,
        "events": ["order.paid", "order.shipped"],
        "description": "Stock <b>",
    }
    for wrong in wrongs:
        refused = await owner.send(HERE, {**full, **wrong})
        assert refused.status_code == 422, wrong
        assert 'role="alert"' in refused.text
    added = await owner.send(HERE, full)
    assert added.status_code == 200
    secret = secret_in(added.text)
    assert "Stock &lt;b&gt;" in added.text
    assert (await owner.send(HERE, full)).status_code == 409, "pressed twice"
    assert secret not in await owner.page(HERE)
    [id] = set(re.findall(rf"{HERE}/([0-9a-f-]{{36}})", added.text))
    at = f"{HERE}/{id}"

    assert await owner.done(f"{at}/test") == at
    await done(box)
    [tried] = await receiver.until(1)
    assert tried.is_signed(secret)
    ada = await box.person("ada@example.com")
    await buy(box, ada, {shop.offer: 1})
    await done(box)
    _, paid = await receiver.until(2)
    assert paid.said["type"] == "order.paid"
    text = await owner.page(f"{at}?state=delivered&type=order.paid")
    [(_, delivery)] = set(ROW.findall(text))
    detail = await owner.page(f"{at}/deliveries/{delivery}")
    assert paid.id in detail
    assert "<code>" not in detail.partition("The message")[2]
    assert await owner.done(f"{at}/deliveries/{delivery}/replay") == f"{at}/deliveries/{delivery}"
    await done(box)
    assert (await receiver.until(3))[2].id == paid.id
    await _settings(owner, box, receiver, at)
    assert await owner.done(f"{at}/remove") == HERE
    await owner.page(at, 404)
    await owner.page(f"{at}/deliveries/{delivery}", 404)


async def _settings(owner: Browser, box: Box, receiver: Receiver, at: str) -> None:
    form: dict[str, object] = {**form_in(await owner.page(at), at)}
    form["events"] = ["order.paid"]
    assert (await owner.send(at, {**form, "url": "ftp://x/"})).status_code == 422
    assert (await owner.send(at, {**form, "events": []})).status_code == 422
    assert await owner.done(at, form) == at
    assert "order.shipped</option>" not in await owner.page(at)
    changed = await owner.send(f"{at}/secret")
    secret = secret_in(changed.text)
    again = await owner.send(f"{at}/secret")
    assert (again.status_code, "whsec_" in again.text) == (409, False)
    last = secret_in((await owner.send(f"{at}/secret-now")).text)
    assert last != secret
    assert await owner.done(f"{at}/off") == at
    off = await owner.send(f"{at}/test")
    assert off.status_code == 409
    assert "switch it on first" in off.text
    assert await owner.done(f"{at}/on") == at
    receiver.status = 410
    await owner.done(f"{at}/test")
    await done(box)
    text = await owner.page(f"{at}?state=failed")
    assert "it answered 410" in text
    receiver.status = 200
    assert (await owner.send(f"{at}/replay", {"hours": "24"})).status_code == 409
    await owner.done(f"{at}/on")
    assert (await owner.send(f"{at}/replay", {"hours": "x"})).status_code == 422
    assert await owner.done(f"{at}/replay", {"hours": "24"}) == at
    heard = len(receiver.heard)
    await done(box)
    await receiver.until(heard + 1)
    assert receiver.heard[-1].is_signed(last)


async def test_the_markets_and_a_look_at_the_vendors(
    box: Box, shop: Shop, receiver: Receiver
) -> None:
    await box.staff()
    staff = await Browser(box).sign_in("admin@staff.example.com")
    page = await staff.page("/admin/webhooks")
    form: dict[str, object] = {**form_in(page, "/admin/webhooks"), "url": receiver.url}
    added = await staff.send("/admin/webhooks", {**form, "events": ["user.created"]})
    secret = secret_in(added.text)
    await box.person("new@example.com")
    await done(box)
    [one] = await receiver.until(1)
    assert (one.said["type"], one.is_signed(secret)) == ("user.created", True)
    body = {"url": f"{receiver.url}/theirs", "events": ["order.paid"]}
    made = await shop.owner.ok("POST", f"/vendors/{shop.id}/webhooks", body)
    id = made["endpoint"]["id"]
    text = await staff.page("/admin/vendor-webhooks")
    assert "Clay House" in text
    assert made["secret"] not in text
    assert await staff.done(f"/admin/vendor-webhooks/{id}/off") == "/admin/vendor-webhooks"
    owner = await Browser(box).sign_in("owner@clay-house.example.com")
    assert "The market's staff" in html.unescape(await owner.page(f"{HERE}/{id}"))
    assert (await owner.send(f"{HERE}/{id}/on")).status_code == 409
    await box.settle()
    assert "/vendor/webhooks/" in str(await shop.owner.ok("GET", "/notifications"))
    assert await staff.done(f"/admin/vendor-webhooks/{id}/on") == "/admin/vendor-webhooks"
    # What is a vendor's own is no business of the market's pages.
    await staff.page(f"/admin/webhooks/{id}", 404)


async def test_who_makes_no_keys_keeps_no_webhooks(box: Box, shop: Shop) -> None:
    support = await box.person("officer@staff.example.com")
    assert support.token
    customer = await Browser(box).sign_in("officer@staff.example.com")
    await customer.page(HERE, 403)
    await customer.page("/admin/webhooks", 403)
