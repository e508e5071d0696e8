"""Makes the market that goods are put into: settings, categories, vendors. All may be repeated."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from haat.app.runtime import Runtime
from haat.app.seeding.accounts import DEMO_PASSWORD
from haat.app.seeding.cast import Crowd, as_person, as_staff, as_system, id_of
from haat.app.seeding.scale.goods import vendor_name
from haat.app.seeding.scale.tree import Place, places
from haat.domains.goods.catalog.api import ApprovalRule, Attribute, Catalog
from haat.domains.people.identity.api import EmailTaken, Identity
from haat.domains.people.market.api import AlreadyOpened, Market, MarketSettings
from haat.domains.people.vendors.api import Application, Vendors
from haat.kernel.context import Context

COUNTRIES = ("US", "GB", "DE", "BD")
ASKED_AT_ONCE = 100
AT_ONCE = 8
TEMPLATE = [
    Attribute(key="material", name="Material", filterable=True),
    Attribute(key="origin", name="Made in", filterable=True),
    Attribute(key="colour_family", name="Colour family", filterable=True),
    Attribute(key="weight_g", name="Weight", kind="number", unit="g"),
    Attribute(key="warranty_years", name="Warranty", kind="number", unit="years"),
    Attribute(key="recycled", name="Recycled", kind="boolean"),
]


def category_id(place: Place | str) -> UUID:
    return id_of(f"scale:category:{place if isinstance(place, str) else place.slug}")


def vendor_id(seed: int, number: int) -> UUID:
    return id_of(f"scale:{seed}:vendor:{number}")


def staff(label: str) -> Context:
    """Nobody in particular, with all rights of staff."""
    return as_staff(f"scale:{label}", datetime.now(UTC), id_of("scale:staff"))


class Doors:
    """What must stand before anything is sold."""

    def __init__(self, runtime: Runtime, seed: int) -> None:
        self._runtime = runtime
        self._seed = seed
        self._crowd = Crowd(AT_ONCE)

    async def market(self) -> MarketSettings:
        """The market's settings; one that nobody has opened is opened."""
        ctx = as_system("scale:market", datetime.now(UTC))
        market: Market = self._runtime.inner[Market]
        with suppress(AlreadyOpened):
            settings = MarketSettings(
                name="Haat Scale Market",
                currency="USD",
                country="US",
                support_email="help@scale.haat.example",
            )
            await market.open(ctx, settings=settings)
        return await market.settings(ctx)

    async def categories(self) -> None:
        catalog: Catalog = self._runtime.inner[Catalog]
        present = {one.id for one in await catalog.categories(staff("tree"))}
        for position, place in enumerate(places()):
            if category_id(place) in present:
                continue
            await catalog.save_category(
                staff(f"category:{place.slug}"),
                id=category_id(place),
                name=place.name,
                parent_id=category_id(place.above) if place.above else None,
                slug=place.slug,
                position=position,
                template=None if place.above else TEMPLATE,
            )

    async def vendors(self, numbers: Sequence[int], is_demo: bool) -> int:
        """Those with these numbers; how many of them were not there."""
        vendors: Vendors = self._runtime.inner[Vendors]
        ids = [vendor_id(self._seed, number) for number in numbers]
        known = await vendors.by_ids(staff("vendors"), ids=ids)
        active = {one.id for one in known if one.status != "pending"}
        new = [n for n, id in zip(numbers, ids, strict=True) if id not in active]
        await self._crowd.all([partial(self._vendor, number, is_demo) for number in new])
        return len(new)

    async def _vendor(self, number: int, is_demo: bool) -> None:
        at, label = datetime.now(UTC), f"scale:{self._seed}:owner:{number}"
        owner, id = id_of(label), vendor_id(self._seed, number)
        email = f"owner-{self._seed}-{number}@scale.haat.example"
        name = vendor_name(self._seed, number)
        identity: Identity = self._runtime.inner[Identity]
        # Only in a demo does everybody know the owners' password; nobody does elsewhere.
        password = DEMO_PASSWORD if is_demo else secrets.token_urlsafe(24)
        with suppress(EmailTaken):  # by a run that did not come to its end
            await identity.register(
                as_system(label, at), id=owner, email=email, password=password, name=name
            )
        vendors: Vendors = self._runtime.inner[Vendors]
        application = Application(
            name=name,
            description=f"{name} sells what it makes and what it likes.",
            country=COUNTRIES[number % len(COUNTRIES)],
            contact_email=email,
            business_type="Shop",
        )
        await vendors.apply(as_person(label, at, owner), id=id, application=application)
        await vendors.decide(staff(f"vendor:{number}"), id=id, decision="approve")

    @asynccontextmanager
    async def approving(self) -> AsyncIterator[None]:
        """While this lasts, what is put into the categories made here needs no look of staff."""
        catalog: Catalog = self._runtime.inner[Catalog]
        rules = [
            ApprovalRule(id=id_of(f"scale:rule:{place.slug}"), category_id=category_id(place))
            for place in places()
            if not place.above
        ]
        for rule in rules:
            await catalog.save_approval_rule(staff("rules"), rule=rule)
        try:
            yield
        finally:
            for rule in rules:
                await catalog.drop_approval_rule(staff("rules"), id=rule.id)
