"""The back office's reconciliation without a script: runs, files, differences, decisions.

Runs are the real module's, on PostgreSQL and a real ledger; providers are stand-ins.
"""

import csv
import io
import re
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest

from haat.domains.money.payments.api import Payments
from haat.domains.money.reconciliation.api import Reconciliation
from haat.domains.people.market.api import Market
from haat.domains.people.vendors.api import Vendors
from haat.domains.reach.notifications.api import Notifications
from haat.domains.trade.cart.api import Cart
from haat.engines.http import Signer
from haat.engines.rpc import local
from haat.gateways.rest import Parts, create
from haat.gateways.rest.application import equip
from haat.gateways.web.admin import admin_routers
from haat.gateways.web.admin.reconciliation_words import WIDTH, slices, told
from haat.gateways.web.routers import web_state
from haat.kernel.clock import SystemClock
from haat.kernel.contract import Contract
from tests.conftest import DatabaseOf
from tests.domains.money.emptying import emptied
from tests.domains.money.payers import FragileLedger
from tests.domains.money.reconciling import (
    Office,
    moved,
    reported,
    statement,
)
from tests.gateways.web.bazaar import (
    SITE,
    Bazaar,
    FakeCart,
    FakeMarket,
    FakeNotifications,
    FakeVendors,
)
from tests.gateways.web.browser import Browser, check, form_in

HERE = "/admin/reconciliation"
PERIOD = {"since": "2026-11-01", "until": "2026-11-20"}


class Desk(Browser):
    def __init__(self, app: Any, cookies: dict[str, str]) -> None:
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url=SITE, cookies=cookies,
            headers={"accept": "text/html"},
        )  # fmt: skip


class Town:
    def __init__(self, office: Office) -> None:
        self.office = office
        self.world = world = Bazaar()
        fakes: list[tuple[type[Contract], Contract]] = [
            (Market, FakeMarket(world)), (Vendors, FakeVendors()), (Cart, FakeCart(world)),
            (Notifications, FakeNotifications(world)), (Payments, office.payments),
            (Reconciliation, office.service),
        ]  # fmt: skip
        self.app = create([], site_routers=admin_routers())
        inner: Any = self.app
        while not hasattr(inner, "state"):
            inner = inner._app
        parts = Parts(
            doors={contract: local(contract, fake, caller=None) for contract, fake in fakes},
            tokens=world.tokens, signer=Signer(b"s" * 32, SystemClock()), clock=SystemClock(),
            answers=cast(Any, None), ready=cast(Any, None), state=web_state(SITE),
        )  # fmt: skip
        equip(inner, parts)

    def staff(self, *scopes: str) -> Desk:
        person = self.world.member("staff@example.com", "staff", *(scopes or ("staff:money",)))
        return Desk(self.app, self.world.cookie(person))


@pytest.fixture
async def town(database_of: DatabaseOf, database_url: str) -> Town:
    await emptied(database_url, "reconciliation")
    ledger = FragileLedger(await database_of("ledger"))
    return Town(Office(await database_of("reconciliation"), ledger))


@pytest.fixture
async def staff(town: Town) -> AsyncIterator[Desk]:
    found = town.staff()
    yield found
    await found.http.aclose()


async def compared(town: Town, staff: Desk) -> str:
    """Where a run leads."""
    form = form_in(await staff.page(HERE), HERE) | PERIOD
    assert form["provider"] == town.office.provider
    return await staff.done(HERE, form)


def decisions(text: str) -> list[str]:
    return re.findall(r'action="([^"]*/differences/[^"]*)"', text)


async def test_from_an_empty_page_to_a_booked_difference(town: Town, staff: Desk) -> None:
    payment = moved(5000).model_copy(update={"provider": town.office.provider})
    town.office.payments.moved = [payment]
    town.office.payments.lines = [
        reported(payment, fee=175),
        reported(minor=900).model_copy(update={"text": "<b>Who?</b>"}),
    ]
    assert "Nothing was compared yet" in await staff.page(HERE)
    run = await compared(town, staff)
    text = await staff.page(run)
    assert "Stripe, <time" in text
    assert "$50.00" in text
    assert "$57.25" in text
    assert "&lt;b&gt;Who?&lt;/b&gt;" in text
    assert 'aria-label="1 agree, 2 open"' in text
    first, second = (path.replace("&amp;", "&") for path in decisions(text))
    refused = await staff.send(first, {"decision": "book", "reason": ""})
    assert refused.status_code == 422
    assert "Fill this in." in refused.text
    assert refused.text.count("<details open>") == 1
    again = await staff.done(first, {"decision": "book", "reason": "A sale by phone"})
    text = await staff.page(again)
    assert "The difference is booked." in text
    assert "A sale by phone" in text
    assert await town.office.clearing() == 900
    late = await staff.send(first, {"decision": "dismiss", "reason": "No"})
    assert late.status_code == 409
    assert "It is booked already." in late.text
    await staff.done(second, {"decision": "dismiss", "reason": "Agreed"})
    text = await staff.page(run)
    assert decisions(text) == []
    assert "1 agree, 2 dealt with" in text
    assert "None here" in await staff.page(f"{run}?status=open")
    assert decisions(await staff.page(f"{run}?status=booked")) == []
    listed = await staff.page(HERE)
    assert run in listed
    assert "$7.25" in listed


async def test_differences_as_a_file(town: Town, staff: Desk) -> None:
    town.office.payments.lines = [reported(minor=n + 1) for n in range(130)]
    run = await compared(town, staff)
    text = await staff.page(run)
    assert len(decisions(text)) == 25
    assert 'rel="next"' in text
    answer = await staff.http.get(f"{run}/differences.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [row["amount"] for row in rows] == [f"{(n + 1) / 100:.2f}" for n in range(130)]
    booked = await staff.http.get(f"{run}/differences.csv?status=booked")
    assert len(booked.text.splitlines()) == 1


async def test_a_form_sent_twice_is_one_run(town: Town, staff: Desk) -> None:
    form = form_in(await staff.page(HERE), HERE) | PERIOD
    assert await staff.done(HERE, form) == await staff.done(HERE, form)
    text = await staff.page(await staff.done(HERE, form))
    assert "Both sides agree" in text


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"since": ""}, "since"),
        ({"until": "2026-02-30"}, "until"),
        ({"until": "2026-10-01"}, "until"),
        ({"provider": "cod"}, "provider"),
        ({"provider": ""}, "provider"),
    ],
)
async def test_what_is_wrong_is_told_at_its_field(
    town: Town, staff: Desk, change: dict[str, str], field: str
) -> None:
    form = form_in(await staff.page(HERE), HERE) | PERIOD | change
    refused = await staff.send(HERE, form)
    assert refused.status_code == 422
    assert f'id="{field}-error"' in refused.text


async def test_a_statement_is_read(town: Town, staff: Desk) -> None:
    text = statement("2026-11-06,-9.99,USD,Account fee,")
    form = form_in(await staff.page(HERE), f"{HERE}/files")
    assert form["file_provider"] == "bank"

    def files(content: bytes) -> Any:
        return [("content", ("November.csv", content, "text/csv"))]

    run = await staff.done(f"{HERE}/files", form, files(text.encode()))
    shown = await staff.page(run)
    assert "From the file November.csv." in shown
    assert "Account fee" in shown
    again = form_in(await staff.page(HERE), f"{HERE}/files")
    assert await staff.done(f"{HERE}/files", again, files(text.encode())) == run
    assert "This file was read before" in await staff.page(run)
    refused = await staff.send(f"{HERE}/files", again, files(b"no statement at all"))
    assert refused.status_code == 422
    assert 'id="content-error"' in refused.text
    refused = await staff.send(f"{HERE}/files", again, files(b"x" * (10 << 20) + b"x"))
    assert refused.status_code == 413
    assert 'id="content-error"' in refused.text
    refused = await staff.send(
        f"{HERE}/files",
        again | {"file_since": "2027-01-01", "format": "odd"},
        files(f"{text}\n2026-11-07,1.00,USD,x,".encode()),
    )
    assert 'id="format-error"' in refused.text
    refused = await staff.send(
        f"{HERE}/files",
        again | {"file_since": "2027-01-01"},
        files(f"{text}\n2026-11-07,1.00,USD,x,".encode()),
    )
    assert 'id="file_until-error"' in refused.text
    assert 'id="content-error"' in (await staff.send(f"{HERE}/files", again)).text


async def test_a_provider_that_is_away(town: Town, staff: Desk) -> None:
    town.office.payments.away = 1
    text = await staff.page(await compared(town, staff))
    assert "This run is not done yet: It sleeps." in text


async def test_who_sees_it(town: Town) -> None:
    clerk = town.staff("staff:orders")
    for path in (HERE, f"{HERE}/runs/{'0' * 8}-0000-7000-8000-{'0' * 12}"):
        answer = await clerk.http.get(path)
        assert answer.status_code == 403
        check(answer.text)
    assert (await clerk.http.post(HERE, data=PERIOD)).status_code == 403
    await clerk.http.aclose()
    keeper = town.staff()
    assert f'href="{HERE}"' in await keeper.page(HERE)
    unknown = await keeper.http.get(f"{HERE}/runs/{'0' * 8}-0000-7000-8000-{'0' * 12}")
    assert unknown.status_code == 404
    await keeper.http.aclose()


async def test_a_bar_shows_what_is_rare(town: Town) -> None:
    office = town.office
    office.payments.lines = [reported(minor=5)]
    run = await office.start()
    large = run.model_copy(update={"matched": 99_990, "differences": 10, "open": 1})
    found = slices(large)
    assert [one.count for one in found] == [99_990, 9, 1]
    assert min(one.width for one in found) > 5
    assert round(sum(one.width for one in found), 2) == WIDTH
    assert told(large) == "99,990 agree, 9 dealt with, 1 open"
    assert slices(large.model_copy(update={"matched": 0, "differences": 0, "open": 0})) == []
