"""Show: hostile strings in the forms of store, vendor portal and back office. Each field meets one
of them; HAAT_HOSTILE=whole asks for the product (docs/operate/proofs.md)."""

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio

from haat.domains.people.identity.api import Identity
from tests import postgres
from tests.gateways.rest import rows
from tests.gateways.rest.hostile import FILE, strings
from tests.gateways.rest.supplies import Supplies
from tests.gateways.town import settled
from tests.gateways.web.browser import Browser
from tests.gateways.web.hostile import Place, Walker
from tests.journeys.box import PASSWORD, Box, market

WHOLE = os.environ.get("HAAT_HOSTILE") == "whole"
OPTIONS = {"HAAT_BANK_IBAN": "DE02120300000000202051", "HAAT_BANK_HOLDER": "Test Market"}
OPEN = 6  # of what a form decides: each field's text may decide one
UNREACHED: set[str] = set()

pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="HAAT_TEST_DATA has no hostile strings")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def box(
    postgres_url: str, template_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Box]:
    folder: Path = tmp_path_factory.mktemp("market")
    with postgres.database(postgres_url, template=postgres.name_of(template_url)) as url:
        async with market(
            url, folder, "local", return_window_minutes=60, options=OPTIONS
        ) as running:
            yield running


async def walkers_of(box: Box) -> list[Walker]:
    """A customer, a store's owner and staff, with something of everything."""
    town = await settled(box)
    owner, ctx = town.clay.owner, box.runtime.system_context("test")
    id = UUID(owner.person["id"])
    await box.runtime.inner[Identity].grant_staff(ctx, person_id=id, role="super_admin")
    await owner.sign_in(owner.person["email"], PASSWORD)
    supplies = Supplies(town, owner)
    await supplies.set_up()
    for operation in (
        *["POST /admin/returns/{id}/approve"] * 3,
        *["POST /admin/payouts/{id}/approve"] * 3,
        "POST /admin/withdrawals/{id}/decision",
        "POST /admin/payments/{id}/confirm",
        "POST /admin/reconciliations/differences/{id}/book",
        *["POST /admin/product-requests/{id}/approve"] * OPEN,
        *["PATCH /admin/products/{id}/approve"] * OPEN,
        *["PATCH /admin/vendors/{id}/status"] * OPEN,
    ):
        await rows.MADE[operation](supplies)
    await supplies.bought()
    known = {"owner_id": town.customer.person["id"], "id": town.clay.id}
    return [
        Walker(await Browser(box).sign_in(email), starts, re.compile(inside), known)
        for email, starts, inside in (
            (
                "ada@example.com",
                ("/account", "/", "/cart", "/account/orders"),
                "^/(?!vendor/|admin)",
            ),
            (owner.person["email"], ("/vendor",), "^/vendor(/|$)"),
            ("admin@staff.example.com", ("/admin",), "^/admin"),
        )
    ]


async def test_hostile_strings_in_forms(box: Box) -> None:
    texts = strings()
    met = 0
    for walker in await walkers_of(box):
        places = await walker.walk()
        asked = (
            [(one, text) for one in places for text in texts]
            if WHOLE
            else [(one, texts[(met + at) * 7 % len(texts)]) for at, one in enumerate(places)]
        )
        met += len(asked)
        for place, text in asked:
            await walker.fill(place, text)
        _told(walker, places)
        assert not walker.found, "\n".join(walker.found)
        reached = walker.kept | walker.refused | walker.taken
        assert {str(one) for one in places} - reached <= UNREACHED


def _told(walker: Walker, places: list[Place]) -> None:
    reached = walker.kept | walker.refused | walker.taken
    print(f"{len(walker.pages)} pages, {len(places)} fields: {len(walker.kept)} shown afterwards,")
    print(f"{len(walker.refused)} refused, {len(walker.taken - walker.kept)} taken and not shown")
    for name in sorted(walker.taken - walker.kept - walker.refused):
        print(f"  not shown {name}")
    for name in sorted(set(walker.elsewhere) - reached):
        print(f"  never {name}: {walker.elsewhere[name]}")
