"""The back office's money: refunds in two steps, payments, transfers to confirm, disputes."""

from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from haat.domains.money.payments.api import RefundDue, Spike
from haat.domains.trade.settlement.api import RefundItem, TenderPart
from tests.gateways.web.bazaar import Bazaar, usd
from tests.gateways.web.browser import check, form_in
from tests.gateways.web.counter import (
    BANK,
    CARD,
    DUE,
    FIRST,
    LEFT,
    NOW,
    ORDER,
    PAYMENT,
    SECOND,
    awaited,
    dispute,
    payment,
)
from tests.gateways.web.test_store_pages import client_of
from tests.gateways.web.till import line

PAGE = "/admin/orders/H-100001"
REFUND = f"{PAGE}/refund/{SECOND}"
LINE = line("Mug")["id"]
ALL = ("staff", "staff:orders", "staff:money")


@pytest.fixture
def world() -> Bazaar:
    found = Bazaar()
    found.counter.providers = [CARD, BANK]
    return found


def staff(world: Bazaar, *scopes: str) -> httpx.AsyncClient:
    client = client_of(world)
    client.cookies.update(world.cookie(world.member("staff@example.com", *scopes)))
    return client


@pytest.fixture
def finance(world: Bazaar) -> httpx.AsyncClient:
    return staff(world, *ALL)


async def shown(client: httpx.AsyncClient, path: str, status: int = 200) -> str:
    found = await client.get(path)
    assert found.status_code == status, f"{path}: {found.text}"
    check(found.text)
    return found.text


async def sent(client: httpx.AsyncClient, form: dict[str, str], status: int = 200) -> str:
    """What the refund form answers."""
    found = await client.post(REFUND, data=form)
    assert found.status_code == status, found.text
    if status != 303:
        check(found.text)
    return found.text


async def begun(client: httpx.AsyncClient, **given: str) -> dict[str, str]:
    return form_in(await shown(client, REFUND), REFUND) | {"reason": "Broken", **given}


async def test_a_refund_is_shown_before_it_is_given(
    world: Bazaar, finance: httpx.AsyncClient
) -> None:
    assert REFUND in await shown(finance, PAGE)
    form = await begun(finance, **{f"q-{LINE}": "1", "shipping": "2.50", "step": "preview"})
    assert form["how"] == "items"
    text = await sent(finance, form)
    assert "The customer gets $12.99" in text
    assert "$11.99" in text
    assert "$1.00" in text
    wanted = {
        "vendor_order_id": SECOND, "items": [RefundItem(line_id=LINE, quantity=1)],
        "shipping": usd(250),
    }  # fmt: skip
    assert world.counter.of("preview") == [wanted]
    assert not world.counter.of("refund")
    agreed = form_in(text, REFUND)
    back = await sent(finance, agreed | {"step": "change"})
    assert form_in(back, REFUND)[f"q-{LINE}"] == "1", "what was typed is there to change"
    for _ in range(2):  # pressed twice
        await sent(finance, agreed | {"step": "confirm"}, 303)
    assert world.counter.of("refund") == [{**wanted, "id": UUID(form["id"]), "reason": "Broken"}]
    text = await shown(finance, PAGE)
    assert "1 × Mug" in text
    assert "Broken" in text


async def test_what_changed_meanwhile_is_shown_again(
    world: Bazaar, finance: httpx.AsyncClient
) -> None:
    agreed = form_in(await sent(finance, await begun(finance, how="all")), REFUND)
    world.counter.left = 1000
    text = await sent(finance, agreed | {"step": "confirm"})
    assert "Something else was given back meanwhile" in text
    assert "The customer gets $10.00" in text
    assert not world.counter.of("refund")
    await sent(finance, form_in(text, REFUND) | {"step": "confirm"}, 303)
    assert world.counter.left == 0


@pytest.mark.parametrize(
    ("given", "status", "field"),
    [
        ({"how": "amount", "amount": "x"}, 422, "amount"),
        ({"how": "amount", "amount": ""}, 422, "amount"),
        ({"how": "amount", "amount": "999"}, 409, "amount"),
        ({"how": "items"}, 422, "items"),
        ({"how": "items", f"q-{LINE}": "3"}, 422, f"q-{LINE}"),
        ({"how": "items", f"q-{LINE}": "-1"}, 422, f"q-{LINE}"),
        ({"how": "items", "shipping": "1.234"}, 422, "shipping"),
        ({"how": "all", "reason": ""}, 422, "reason"),
        ({"how": "odd"}, 422, "how"),
    ],
)
async def test_mistakes_are_told_at_their_field(
    world: Bazaar, finance: httpx.AsyncClient, given: dict[str, str], status: int, field: str
) -> None:
    text = await sent(finance, await begun(finance, **given), status)
    assert f'href="#{field}"' in text or status == 409
    assert f'id="{field}"' in text
    assert "is left to give back" in text or status == 422
    assert not world.counter.of("refund")


async def test_only_what_is_left_of_a_part_is_offered(
    world: Bazaar, finance: httpx.AsyncClient
) -> None:
    await shown(finance, f"{PAGE}/refund/{UUID(int=99)}", 404)
    world.payment = "awaiting"
    assert "/refund/" not in await shown(finance, PAGE)
    assert "Nothing is left to give back" in await shown(finance, REFUND)
    for client in (staff(world, "staff"), staff(world, "staff", "staff:products")):
        for path in (PAGE, REFUND):
            await shown(client, path, 403)
        await sent(client, {"how": "all", "reason": "x"}, 403)


async def test_an_order_tells_how_it_was_paid(world: Bazaar, finance: httpx.AsyncClient) -> None:
    world.counter.parts = [
        TenderPart(id=FIRST, provider="test", amount=usd(2000), captured=True, refunded=usd(300)),
        TenderPart(id=SECOND, provider=None, amount=usd(998), captured=False, refunded=usd(0)),
    ]
    world.counter.disputes = [dispute()]
    text = await shown(finance, PAGE)
    assert "Test card" in text
    assert "(not taken)" in text
    assert "−$3.00" in text
    assert f'href="/admin/disputes/{ORDER}"' in text
    assert f'href="/admin/payments/{ORDER}"' in text


async def test_payments_are_filtered(world: Bazaar, finance: httpx.AsyncClient) -> None:
    world.counter.payments = [payment(), awaited()]
    text = await shown(finance, "/admin/payments")
    assert "pi_1" in text
    assert "HT-7K2M" in text
    assert f'href="/admin/payments/{ORDER}"' in text
    text = await shown(finance, "/admin/payments?status=captured&provider=test")
    assert "HT-7K2M" not in text
    asked = world.counter.of("listed")[-1]
    assert (asked["status"], asked["provider"]) == ("captured", "test")
    assert "status=captured&amp;provider=test&amp;cursor=more" in text or (
        "cursor=more&amp;status=captured&amp;provider=test" in text
    )
    assert "No payments like that" in await shown(finance, "/admin/payments?status=voided")
    await shown(finance, "/admin/payments?status=odd", 422)
    await shown(finance, "/admin/payments?provider=x;y", 422)


async def test_who_may_only_look_sees_no_more(world: Bazaar) -> None:
    world.counter.payments = [awaited()]
    moderator = staff(world, "staff")
    text = await shown(moderator, "/admin/payments")
    for hidden in (f"/admin/payments/{ORDER}", "/admin/refunds", "/admin/disputes", "confirm"):
        assert hidden not in text
    for path in (f"/admin/payments/{ORDER}", "/admin/refunds", "/admin/disputes"):
        await shown(moderator, path, 403)
    support = staff(world, "staff", "staff:orders")
    text = await shown(support, f"/admin/payments/{ORDER}")
    assert "What the provider told us" not in text
    assert "/confirm/" not in text
    path = f"/admin/payments/{ORDER}/confirm/{PAYMENT}"
    assert (await support.post(path)).status_code == 403
    assert not world.counter.of("confirm")


async def test_a_spike_of_failures_is_told(world: Bazaar, finance: httpx.AsyncClient) -> None:
    assert "fail since" not in await shown(finance, "/admin/payments")
    world.counter.spikes = [Spike(provider="test", since=NOW)]
    text = await shown(finance, "/admin/payments")
    assert "Many payments by Test card" in text


async def test_a_payment_shows_what_its_provider_told(
    world: Bazaar, finance: httpx.AsyncClient
) -> None:
    text = await shown(finance, f"/admin/payments/{ORDER}")
    assert "intent.captured" in text
    assert "&lt;b&gt;" in text
    assert "[redacted]" in text
    await shown(finance, f"/admin/payments/{UUID(int=99)}", 404)


@pytest.mark.parametrize("page", ["/admin/payments?status=awaiting", f"/admin/payments/{ORDER}"])
async def test_an_awaited_transfer_is_confirmed(
    world: Bazaar, finance: httpx.AsyncClient, page: str
) -> None:
    world.counter.payments = [awaited()]
    path = f"/admin/payments/{ORDER}/confirm/{PAYMENT}"
    form = form_in(await shown(finance, page), path)
    long = await finance.post(path, data=form | {"note": "x" * 501})
    assert long.status_code == 422
    check(long.text)
    done = await finance.post(path, data=form | {"note": "Line 7"})
    assert done.headers["location"] == page
    assert world.counter.of("confirm") == [{"payment_id": PAYMENT, "note": "Line 7"}]
    away = await finance.post(path, data=form | {"back": "//evil.test"})
    assert away.headers["location"] == f"/admin/payments/{ORDER}"
    world.counter.payments = [payment()]
    late = await finance.post(path, data=form)
    assert late.status_code == 409
    assert "not awaited any more" in late.text


async def test_refunds_by_bank_are_settled(world: Bazaar, finance: httpx.AsyncClient) -> None:
    assert "No refunds wait" in await shown(finance, "/admin/refunds")
    world.counter.due = [
        RefundDue(id=id, payment_id=PAYMENT, reference=ORDER, provider="bank",
                  amount=usd(LEFT), created_at=NOW)
        for id in (DUE, FIRST)
    ]  # fmt: skip
    assert "$24.98" in await shown(finance, "/admin/refunds")
    for form, field in (
        ({"outcome": "done"}, "refunds"),
        ({"outcome": "failed", f"refund-{DUE}": "on"}, "reason"),
        ({"outcome": "done", "refund-x": "on"}, "refunds"),
    ):
        wrong = await finance.post("/admin/refunds", data=form)
        assert wrong.status_code == 422
        check(wrong.text)
        assert f'id="{field}-error"' in wrong.text
    assert not world.counter.of("settle")
    done = {"outcome": "done", f"refund-{DUE}": "on"}
    assert (await finance.post("/admin/refunds", data=done)).status_code == 303
    back = {"outcome": "failed", f"refund-{FIRST}": "on", "reason": "Account closed"}
    assert (await finance.post("/admin/refunds", data=back)).status_code == 303
    assert world.counter.of("settle") == [
        {"ids": [DUE], "done": True, "reason": ""},
        {"ids": [FIRST], "done": False, "reason": "Account closed"},
    ]


async def test_disputes_say_when_evidence_is_due_and_on_whom_they_fall(
    world: Bazaar, finance: httpx.AsyncClient
) -> None:
    assert "No disputes" in await shown(finance, "/admin/disputes")
    world.counter.disputes = [dispute()]
    text = await shown(finance, "/admin/disputes?status=open")
    assert "Fraudulent" in text
    assert "Soon" in text
    assert "No disputes like that" in await shown(finance, "/admin/disputes?status=won")
    text = await shown(finance, f"/admin/disputes/{ORDER}")
    assert "Would fall on" in text
    assert "H-100001-1" in text
    assert "$12.00" in text
    assert "$8.00" in text
    world.counter.disputes = [dispute(due=timedelta(days=-1)), dispute("lost")]
    text = await shown(finance, f"/admin/disputes/{ORDER}")
    assert "Too late" in text
    assert "Fell on" in text
    world.counter.disputes = [dispute(due=None)]
    assert "No date told" in await shown(finance, "/admin/disputes")
    await shown(finance, f"/admin/disputes/{UUID(int=99)}", 404)
