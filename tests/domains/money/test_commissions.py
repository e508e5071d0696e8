"""Commission lists on PostgreSQL: drafts, the change from one list to the next, the active one."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from haat.domains.goods.catalog.api import Catalog, Category
from haat.domains.money.commissions import proof
from haat.domains.money.commissions.api import ListChanged, Rule, RuleList, Sale
from haat.domains.money.commissions.service import ACTIVATE, KEPT_S, CommissionsService
from haat.domains.people.market.api import Market, MarketSettings
from haat.domains.people.vendors.api import Vendors
from haat.engines.sql import Database, Pool, Record
from haat.kernel.clock import SettableClock
from haat.kernel.context import SYSTEM, Actor, Context
from haat.kernel.errors import Invalid, NotFound
from haat.kernel.money import Money
from tests.domains.money.emptying import emptied

CLOCK = SettableClock(datetime(2026, 11, 21, 8, 0, tzinfo=UTC))
PERSON = uuid4()
CTX = Context(actor=Actor("person", PERSON), clock=CLOCK)
CLAY, LOOM, FREE = uuid4(), uuid4(), uuid4()
HOME, MUGS, MUG = uuid4(), uuid4(), uuid4()


def usd(minor: int) -> Money:
    return Money(minor=minor, currency="USD")


class OneMarket(Market):
    def __init__(self, asked: list[str]) -> None:
        self.asked = asked

    async def settings(self, ctx: Context) -> MarketSettings:
        self.asked.append("settings")
        return MarketSettings(name="Haat", currency="USD", country="US", commission_bp=300)


class SomeVendors(Vendors):
    def __init__(self, asked: list[str]) -> None:
        self.asked = asked

    async def commissions(self, ctx: Context, *, ids: list[UUID]) -> dict[UUID, int | None]:
        self.asked.append("commissions")
        return {k: v for k, v in {CLAY: None, LOOM: 1250, FREE: 0}.items() if k in ids}


class SomeGoods(Catalog):
    def __init__(self, asked: list[str]) -> None:
        self.asked = asked

    async def categories(self, ctx: Context) -> list[Category]:
        self.asked.append("categories")
        return [
            Category(id=id, parent_id=parent, slug=str(id), name="x", position=0)
            for id, parent in ((HOME, None), (MUGS, HOME))
        ]

    async def titles(self, ctx: Context, *, ids: list[UUID]) -> dict[UUID, str]:
        self.asked.append("titles")
        return {id: "Mug" for id in ids if id == MUG}


class CountingDatabase(Database):
    """Counts statements that read one row; a read that finds `hold` says so and waits for it."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool, "commissions")
        self.reads = 0
        self.hold: asyncio.Event | None = None
        self.holding = asyncio.Event()

    async def fetchrow(self, sql: str, *args: Any) -> Record | None:
        self.reads += 1
        hold = self.hold
        found = await super().fetchrow(sql, *args)
        if hold is not None:
            self.holding.set()
            await hold.wait()
        return found


@dataclass
class World:
    db: CountingDatabase
    asked: list[str]
    service: CommissionsService

    def another(self) -> CommissionsService:
        """The same module in another process."""
        return service_on(self.db, self.asked)

    async def drafted(self, *rules: Rule, tax_bp: int = 0) -> RuleList:
        CLOCK.advance(timedelta(seconds=1))
        return await self.service.draft(CTX, id=uuid4(), rules=list(rules), tax_bp=tax_bp)

    async def active(self, *rules: Rule, tax_bp: int = 0) -> RuleList:
        made = await self.drafted(*rules, tax_bp=tax_bp)
        return await self.service.activate(CTX, id=made.id, version=made.version, reason="Because")

    async def statuses(self) -> dict[str, int]:
        rows = await self.db.fetch(
            "SELECT status, count(*) AS n FROM commissions.lists GROUP BY status"
        )
        return {row["status"]: row["n"] for row in rows}

    async def blocked(self) -> None:
        """Somebody waits for a row that somebody else has."""
        for _ in range(2000):
            if await self.db.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                return
            await asyncio.sleep(0.01)
        raise AssertionError("nobody waits")

    async def told(self) -> int:
        count = "SELECT count(*) FROM commissions.outbox WHERE type = 'commission.list_activated'"
        return int(await self.db.fetchval(count))


def service_on(db: Database, asked: list[str]) -> CommissionsService:
    return CommissionsService(db, OneMarket(asked), SomeVendors(asked), SomeGoods(asked))


@pytest.fixture
async def world(database_of: Callable[[str], Awaitable[Database]], database_url: str) -> World:
    await emptied(database_url, "commissions")
    db, asked = CountingDatabase((await database_of("commissions")).pool), list[str]()
    return World(db, asked, service_on(db, asked))


def rule(name: str, **given: Any) -> Rule:
    return Rule(id=uuid4(), name=name, **given)


def sale(vendor: UUID = CLAY, price: int = 1000, **given: Any) -> Sale:
    facts: dict[str, Any] = {"id": uuid4(), "vendor_id": vendor, "product_id": MUG}
    facts |= {"category_path": [MUGS, HOME], "unit_price": usd(price), "base": usd(price)}
    return Sale(**facts | {"at": CLOCK.now()} | given)


async def test_without_a_list_the_vendors_rate_or_the_markets_holds(world: World) -> None:
    sales = [sale(LOOM), sale(FREE), sale(CLAY), sale(uuid4(), 17), sale(LOOM, kind="shipping")]
    found = await world.service.assess(CTX, sales=sales)
    assert [(a.terms.source, a.terms.rate_bp, a.commission.minor) for a in found] == [
        ("vendor_rate", 1250, 125),
        ("vendor_rate", 0, 0),
        ("default", 300, 30),
        ("default", 300, 1),
        ("none", 0, 0),
    ]
    assert [a.id for a in found] == [s.id for s in sales]
    assert {a.terms.list_id for a in found} == {None}
    assert [a.terms.base_minor for a in found] == [s.base.minor for s in sales]
    assert world.asked == ["commissions", "settings"]
    assert await world.service.assess(CTX, sales=[]) == []


async def test_the_active_list_decides_and_taxes(world: World) -> None:
    mugs = rule("Mugs", category_ids=[MUGS], rate_bp=1000)
    sent = rule("Shipping", applies_to="shipping", rate_bp=500)
    active = await world.active(mugs, sent, tax_bp=2000)
    world.asked.clear()
    sales = [sale(LOOM), sale(CLAY), sale(LOOM, kind="shipping")]
    found = await world.service.assess(CTX, sales=sales)
    assert [(a.terms.rule_id, a.commission.minor, a.commission_tax.minor) for a in found] == [
        (mugs.id, 100, 20),
        (mugs.id, 100, 20),
        (sent.id, 50, 10),
    ]
    assert {a.terms.list_id for a in found} == {active.id}
    assert world.asked == [], "no other module is asked where a rule matches"
    [other] = await world.service.assess(CTX, sales=[sale(LOOM, category_path=[])])
    assert (other.terms.source, other.commission.minor, other.commission_tax.minor) == (
        "vendor_rate", 125, 25,
    )  # fmt: skip
    assert other.terms.list_id == active.id, "whose tax on commission it is"
    assert world.asked == ["commissions"]


async def test_a_dry_run_asks_any_list_and_changes_nothing(world: World) -> None:
    await world.active(rule("Ten", rate_bp=1000))
    dear = await world.drafted(rule("Twenty", rate_bp=2000))
    [found] = await world.service.assess(CTX, sales=[sale()], list_id=dear.id)
    assert (found.commission.minor, found.terms.list_id) == (200, dear.id)
    [found] = await world.service.assess(CTX, sales=[sale()])
    assert found.commission.minor == 100
    with pytest.raises(NotFound):
        await world.service.assess(CTX, sales=[sale()], list_id=uuid4())


async def test_the_active_list_is_read_once_a_second(world: World) -> None:
    await world.active(rule("Ten", rate_bp=1000))
    world.db.reads = 0
    for _ in range(50):
        await world.service.assess(CTX, sales=[sale()])
    assert world.db.reads == 1
    other = world.another()
    await other.assess(CTX, sales=[sale()])
    await world.active(rule("Five", rate_bp=500))
    [here] = await world.service.assess(CTX, sales=[sale()])
    assert here.commission.minor == 50, "who switched it on sees it at once"
    loop = asyncio.get_running_loop()
    until, there = loop.time() + KEPT_S + 5, 100
    while there != 50 and loop.time() < until:
        there = (await other.assess(CTX, sales=[sale()]))[0].commission.minor
        await asyncio.sleep(0.02)
    assert there == 50, "everybody else within a second"


async def test_a_list_read_before_an_activation_is_not_kept_after_it(world: World) -> None:
    await world.active(rule("Ten", rate_bp=1000))
    made = await world.drafted(rule("Five", rate_bp=500))
    hold = world.db.hold = asyncio.Event()
    late = asyncio.create_task(world.service.assess(CTX, sales=[sale()]))
    await world.db.holding.wait()
    world.db.hold = None
    await world.service.activate(CTX, id=made.id, version=1, reason="Cheaper")
    hold.set()
    await late
    [now] = await world.service.assess(CTX, sales=[sale()])
    assert now.commission.minor == 50


async def test_a_draft_is_changed_by_who_read_it_last(world: World) -> None:
    first = await world.drafted(rule("One", rate_bp=100))
    assert (first.version, first.status, first.created_by) == (1, "draft", PERSON)
    change: dict[str, Any] = {"rules": [rule("Two")], "note": "ours", "tax_bp": 100}
    mine = await world.service.draft(CTX, id=first.id, version=1, **change)
    assert (mine.version, mine.note, [r.name for r in mine.rules]) == (2, "ours", ["Two"])
    again = await world.service.draft(CTX, id=first.id, version=1, **change)
    assert again == mine, "the same change sent twice"
    with pytest.raises(ListChanged) as refused:
        await world.service.draft(CTX, id=first.id, rules=[], version=1)
    assert refused.value.data == {"version": 2, "status": "draft"}
    with pytest.raises(NotFound):
        await world.service.draft(CTX, id=uuid4(), rules=[], version=1)
    assert await world.service.rule_list(CTX, id=first.id) == mine


async def test_a_draft_sent_twice_is_one(world: World) -> None:
    id, rules = uuid4(), [rule("One", valid_from=CLOCK.now(), vendor_ids=[CLAY])]
    found = await asyncio.gather(*(world.service.draft(CTX, id=id, rules=rules) for _ in range(5)))
    assert len({one.version for one in found}) == 1
    assert await world.statuses() == {"draft": 1}
    with pytest.raises(ListChanged):
        await world.service.draft(CTX, id=id, rules=[])


async def test_changes_at_once_are_one_change(world: World) -> None:
    made = await world.drafted()
    found = await asyncio.gather(
        *(world.service.draft(CTX, id=made.id, rules=[rule(f"{n}")], version=1) for n in range(8)),
        return_exceptions=True,
    )
    kept = [one for one in found if isinstance(one, RuleList)]
    assert len(kept) == 1
    assert all(isinstance(one, RuleList | ListChanged) for one in found)
    assert await world.service.rule_list(CTX, id=made.id) == kept[0]


async def test_a_rule_names_only_what_there_is(world: World) -> None:
    rules = [
        rule("fine", vendor_ids=[CLAY], category_ids=[HOME], product_ids=[MUG]),
        rule("bad", vendor_ids=[LOOM, uuid4()], category_ids=[uuid4()], product_ids=[MUG, uuid4()]),
    ]
    with pytest.raises(Invalid) as refused:
        await world.drafted(*rules)
    assert {e.path: e.code for e in refused.value.fields} == {
        "rules.1.vendorIds.1": "vendor_unknown",
        "rules.1.categoryIds.0": "category_unknown",
        "rules.1.productIds.1": "product_unknown",
    }
    assert await world.statuses() == {}
    assert sorted(world.asked) == ["categories", "commissions", "titles"]
    with pytest.raises(Invalid):
        await world.drafted(rule("empty", price_from=2, price_to=1))


async def test_a_rule_that_cannot_win_is_only_warned_of(world: World) -> None:
    made = await world.drafted(rule("all"), rule("mugs", category_ids=[MUGS]))
    assert [(w.rule_id, w.code) for w in made.warnings] == [(made.rules[1].id, "shadowed")]
    read = await world.service.rule_list(CTX, id=made.id)
    assert read is not None
    assert read.warnings == made.warnings


async def test_one_list_follows_the_other(world: World) -> None:
    assert await world.service.rule_list(CTX) is None
    first = await world.active(rule("Ten", rate_bp=1000))
    assert (first.status, first.reason, first.activated_by) == ("active", "Because", PERSON)
    assert await world.service.rule_list(CTX) == first
    again = await world.service.activate(CTX, id=first.id, version=1, reason="Twice")
    assert again == first
    second = await world.active(rule("Five", rate_bp=500))
    page = await world.service.lists(CTX, limit=1)
    rest = await world.service.lists(CTX, limit=1, cursor=page.next)
    assert [one.id for one in (*page.items, *rest.items)] == [second.id, first.id]
    assert rest.next is None
    [was] = rest.items
    assert (was.status, was.active_to) == ("retired", second.active_from)
    with pytest.raises(ListChanged):
        await world.service.activate(CTX, id=first.id, version=1, reason="Back again")
    for change in (
        world.service.draft(CTX, id=second.id, rules=[], version=1),
        world.service.discard(CTX, id=second.id),
        world.service.discard(CTX, id=first.id),
    ):
        with pytest.raises(ListChanged):
            await change
    assert await world.told() == 2
    assert await proof.prove(world.db, 3) == []


async def test_what_was_changed_meanwhile_is_not_switched_on(world: World) -> None:
    old = await world.active(rule("Ten", rate_bp=1000))
    made = await world.drafted(rule("Five", rate_bp=500))
    await world.service.draft(CTX, id=made.id, rules=[rule("Ninety", rate_bp=9000)], version=1)
    with pytest.raises(ListChanged):
        await world.service.activate(CTX, id=made.id, version=1, reason="Cheaper")
    assert await world.service.rule_list(CTX) == old
    with pytest.raises(Invalid):
        await world.service.activate(CTX, id=made.id, version=2, reason=" ")
    with pytest.raises(NotFound):
        await world.service.activate(CTX, id=uuid4(), version=1, reason="What?")


async def test_a_draft_is_thrown_away(world: World) -> None:
    made = await world.drafted()
    for _ in range(2):
        await world.service.discard(CTX, id=made.id)
    with pytest.raises(NotFound):
        await world.service.rule_list(CTX, id=made.id)


@pytest.mark.parametrize("begun", [False, True])
async def test_activations_at_once_leave_one_list(world: World, begun: bool) -> None:
    if begun:
        await world.active(rule("before"))
    made = [await world.drafted(rule(f"{n}")) for n in range(8)]
    calls = [
        world.another().activate(CTX, id=one.id, version=1, reason="Now")
        for one in made
        for _ in range(2)
    ]
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(one, RuleList | ListChanged) for one in found), found
    assert await world.statuses() == {"active": 1, "retired": 7 + begun}
    assert await world.told() == 8 + begun
    assert await proof.prove(world.db, 3) == []


async def test_activating_and_changing_and_discarding_at_once(world: World) -> None:
    """Whoever comes first: there is always exactly one active list, and never a changed one."""
    await world.active(rule("before"))
    for n in range(10):
        made = await world.drafted(rule("as read"))
        change = [rule("changed")]
        await asyncio.gather(
            world.service.activate(CTX, id=made.id, version=1, reason="Now"),
            world.another().draft(CTX, id=made.id, rules=change, version=1),
            *([world.another().discard(CTX, id=made.id)] if n % 2 else []),
            return_exceptions=True,
        )
        active = await world.service.rule_list(CTX)
        assert active is not None
        assert active.rules[0].name in ("before", "as read")
        assert (await world.statuses())["active"] == 1
    assert await proof.prove(world.db, 3) == []


async def test_an_activation_behind_another_comes_after_it(world: World) -> None:
    """The other one has not committed yet: this one waits for it and is tried again."""
    await world.active(rule("before"))
    first, second = await world.drafted(rule("first")), await world.drafted(rule("second"))
    async with world.db.pool.acquire() as other:
        held = other.transaction()
        await held.start()
        await other.fetch(ACTIVATE, first.id, 1, CLOCK.now(), PERSON, "Now")
        late = asyncio.create_task(
            world.service.activate(CTX, id=second.id, version=1, reason="Later")
        )
        await world.blocked()
        await held.commit()
    found = await late
    assert (found.status, await world.statuses()) == ("active", {"active": 1, "retired": 2})
    assert await proof.prove(world.db, 3) == []


async def test_who_cannot_have_the_draft_retires_nobody(world: World) -> None:
    """The draft is being changed, and that has not committed yet."""
    before = await world.active(rule("before"))
    made = await world.drafted(rule("as read"))
    async with world.db.pool.acquire() as other:
        held = other.transaction()
        await held.start()
        await other.execute(
            "UPDATE commissions.lists SET version = version + 1 WHERE id = $1", made.id
        )
        late = asyncio.create_task(world.service.activate(CTX, id=made.id, version=1, reason="Now"))
        await world.blocked()
        await held.commit()
    with pytest.raises(ListChanged):
        await late
    assert await world.service.rule_list(CTX) == before
    assert await world.told() == 1


async def test_a_clock_that_is_behind_leaves_no_gap(world: World) -> None:
    first = await world.active(rule("one"))
    made = await world.drafted(rule("two"))
    slow = replace(CTX, clock=SettableClock(CLOCK.now() - timedelta(hours=1)))
    second = await world.service.activate(slow, id=made.id, version=1, reason="Now")
    assert second.active_from == first.active_from
    assert await proof.prove(world.db, 3) == []


async def test_proof_names_a_gap(world: World) -> None:
    first = await world.active(rule("one"))
    await world.active(rule("two"))
    await world.db.execute(
        "UPDATE commissions.lists SET active_to = active_to + interval '1 second' WHERE id = $1",
        first.id,
    )
    [line] = await proof.prove(world.db, 3)
    assert str(first.id) in line


async def test_explaining(world: World) -> None:
    rules = [
        rule("Loom", vendor_ids=[LOOM], rate_bp=100),
        rule("Dear", price_from=2000, rate_bp=200),
        rule("Mugs", category_ids=[HOME], rate_bp=1200, floor_minor=500),
    ]
    await world.active(*rules, tax_bp=2000)
    told = await world.service.explain(CTX, sale=sale())
    assert [(t.rule_name, t.failed) for t in told.tried] == [
        ("Loom", "vendor"),
        ("Dear", "price"),
        ("Mugs", None),
    ]
    assert "10.00 is below 20.00" in told.tried[1].why
    assert told.sums == "12 % of 10.00 = 1.20, at least 5.00 → 5.00; tax 20 % = 1.00"
    assert told.assessment == (await world.service.assess(CTX, sales=[_same(told, sale())]))[0]
    draft = await world.drafted(rules[0])
    told = await world.service.explain(CTX, sale=sale(), list_id=draft.id)
    assert [(t.rule_name, t.failed) for t in told.tried[1:]] == [
        ("The vendor's own rate", "vendor"),
        ("The market's default", None),
    ]
    assert told.sums == "3 % of 10.00 = 0.30"
    told = await world.service.explain(CTX, sale=sale(FREE), list_id=draft.id)
    assert told.tried[-1].why == "No rule matches; this vendor has a rate of 0 %."
    told = await world.service.explain(CTX, sale=sale(kind="shipping"), list_id=draft.id)
    assert (told.tried[-1].rule_name, told.sums) == ("No commission", "0 % of 10.00 = 0.00")


def _same(told: Any, one: Sale) -> Sale:
    return one.model_copy(update={"id": told.assessment.id})


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"unit_price": Money(minor=1, currency="EUR")}, "sale.unitPrice"),
        ({"base": usd(-1)}, "sale.base"),
        ({"quantity": 0}, "sale.quantity"),
        ({"at": CLOCK.now().replace(tzinfo=None)}, "sale.at"),
    ],
)
async def test_a_sale_that_cannot_be_is_refused(
    world: World, wrong: dict[str, Any], path: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await world.service.explain(CTX, sale=sale(**wrong))
    assert [e.path for e in refused.value.fields] == [path]


async def test_the_systems_own_lists_have_no_author(world: World) -> None:
    ctx = Context(actor=SYSTEM, clock=CLOCK)
    made = await world.service.draft(ctx, id=uuid4(), rules=[])
    assert made.created_by is None
