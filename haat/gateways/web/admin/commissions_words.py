"""Commission rules as sentences, and what differs between two lists."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import SequenceMatcher
from uuid import UUID

from babel.dates import format_datetime

from haat.domains.goods.catalog.api import Catalog, Category
from haat.domains.money.commissions.api import Rule, RuleList
from haat.gateways.web.admin.office import vendors_by_id
from haat.gateways.web.kit.reading import percent
from haat.gateways.web.pages import LOCALE, money
from haat.gateways.web.store.tree import Tree
from haat.gateways.web.visit import Visit
from haat.kernel.money import Money

SHOWN = 3  # how many names a sentence tells before it counts
OF = {"goods": "of goods", "shipping": "of shipping", "both": "of goods and of shipping"}


@dataclass(frozen=True, slots=True)
class Names:
    """How the vendors, categories and products of rules are called; an id without a name is of
    something that is gone."""

    vendors: Mapping[UUID, str]
    categories: Mapping[UUID, str]
    products: Mapping[UUID, str]


async def names_of(visit: Visit, rules: Sequence[Rule]) -> Names:
    """Of what the sentences of these rules tell."""
    return await named(
        visit,
        [id for rule in rules for id in rule.vendor_ids[:SHOWN]],
        [id for rule in rules for id in rule.category_ids[:SHOWN]],
        [id for rule in rules for id in rule.product_ids[:SHOWN]],
    )


async def named(
    visit: Visit, vendors: Iterable[UUID], categories: Iterable[UUID], products: Iterable[UUID]
) -> Names:
    """In one call for each kind, and none where nothing is asked."""
    tree: list[Category] = []
    if any(categories):
        tree = await visit.doors[Catalog].categories(visit.ctx)
    titles: dict[UUID, str] = {}
    if ids := list(dict.fromkeys(products)):
        titles = await visit.doors[Catalog].titles(visit.ctx, ids=ids)
    known = await vendors_by_id(visit, vendors)
    return Names({id: one.name for id, one in known.items()}, category_names(tree), titles)


def category_names(categories: Sequence[Category]) -> dict[UUID, str]:
    """'Home › Kitchen' by id."""
    tree = Tree(categories)
    return {c.id: " › ".join(one.name for one in tree.path(c.id)) for c in categories}


def takes(rule: Rule, currency: str) -> str:
    """'12 % + $0.30 per unit of goods, at least $0.50'."""

    def said(minor: int) -> str:
        return money(Money(minor=minor, currency=currency))

    parts = [f"{percent(rule.rate_bp)} %"] if rule.rate_bp else []
    parts += [f"{said(rule.fixed_minor)} per unit"] if rule.fixed_minor else []
    text = f"{' + '.join(parts) or 'Nothing'} {OF[rule.applies_to]}"
    if rule.floor_minor is not None:
        text += f", at least {said(rule.floor_minor)}"
    if rule.cap_minor is not None:
        text += f", at most {said(rule.cap_minor)}"
    return text


def conditions(rule: Rule, names: Names, currency: str) -> str:
    """'from Clay & Co; in Home and what is below it; priced below $50.00'; 'always' for none."""
    found = []
    if rule.vendor_ids:
        found.append(f"from {_either(rule.vendor_ids, names.vendors)}")
    if rule.category_ids:
        where = _either(rule.category_ids, names.categories)
        found.append(f"in {where} and below" if rule.with_subcategories else f"directly in {where}")
    if rule.product_ids:
        found.append(f"the product {_either(rule.product_ids, names.products)}")
    found += _prices(rule, currency) + _period(rule)
    return "; ".join(found) or "always"


def _either(ids: Sequence[UUID], names: Mapping[UUID, str]) -> str:
    said = [names.get(id, "something that is gone") for id in ids[:SHOWN]]
    if len(ids) > SHOWN:
        said.append(f"{len(ids) - SHOWN} more")
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} or {said[-1]}"


def _prices(rule: Rule, currency: str) -> list[str]:
    low, high = (
        None if minor is None else money(Money(minor=minor, currency=currency))
        for minor in (rule.price_from, rule.price_to)
    )
    if low and high:
        return [f"priced from {low} to below {high}"]
    if low:
        return [f"priced from {low}"]
    return [f"priced below {high}"] if high else []


def _period(rule: Rule) -> list[str]:
    found = []
    if rule.valid_from:
        found.append(f"from {_moment(rule.valid_from)}")
    if rule.valid_to:
        found.append(f"until {_moment(rule.valid_to)}")
    return [" ".join(found)] if found else []


def _moment(at: datetime) -> str:
    return f"{format_datetime(at.astimezone(UTC), 'd MMM y, HH:mm', locale=LOCALE)} UTC"


@dataclass(frozen=True, slots=True)
class Told:
    """A rule as the pages show it."""

    rule: Rule
    takes: str
    when: str
    warning: str = ""


def told(found: RuleList, names: Names, currency: str) -> list[Told]:
    warnings = {warning.rule_id: warning.text for warning in found.warnings}
    return [_told(rule, names, currency, warnings.get(rule.id, "")) for rule in found.rules]


def _told(rule: Rule, names: Names, currency: str, warning: str = "") -> Told:
    return Told(rule, takes(rule, currency), conditions(rule, names, currency), warning)


@dataclass(frozen=True, slots=True)
class Difference:
    """what: added, removed, changed, moved; before and after as they read."""

    what: str
    name: str
    before: str = ""
    after: str = ""


def differences(
    old: RuleList | None, new: RuleList, names: Names, currency: str
) -> list[Difference]:
    """What the second list does otherwise than the first (None: there was none), rule by rule."""

    def text(rule: Rule) -> str:
        one = _told(rule, names, currency)
        return f"{one.takes}, {one.when}"

    before = {rule.id: rule for rule in old.rules} if old else {}
    after = {rule.id: rule for rule in new.rules}
    found = []
    if old and old.tax_bp != new.tax_bp:
        rates = (f"{percent(old.tax_bp)} %", f"{percent(new.tax_bp)} %")
        found.append(Difference("changed", "Tax on the commission", *rates))
    moved = _moved([id for id in before if id in after], [id for id in after if id in before])
    for place, (id, rule) in enumerate(after.items(), 1):
        was = before.get(id)
        if was is None:
            found.append(Difference("added", rule.name, after=text(rule)))
            continue
        if was != rule:
            found.append(_changed(was, rule, text(was), text(rule)))
        if id in moved:
            found.append(Difference("moved", rule.name, after=f"to place {place}"))
    found += [
        Difference("removed", rule.name, before=text(rule))
        for id, rule in before.items()
        if id not in after
    ]
    return found


def _changed(was: Rule, rule: Rule, before: str, after: str) -> Difference:
    """Names that a sentence only counts are counted here too."""
    if before == after and was.name != rule.name:
        return Difference("changed", rule.name, f"called “{was.name}”", f"called “{rule.name}”")
    if before == after:
        pairs = (
            (was.vendor_ids, rule.vendor_ids),
            (was.category_ids, rule.category_ids),
            (was.product_ids, rule.product_ids),
        )
        out = sum(len(set(a) - set(b)) for a, b in pairs)
        come = sum(len(set(b) - set(a)) for a, b in pairs)
        return Difference("changed", rule.name, f"{out} names that are out", f"{come} new ones")
    return Difference("changed", rule.name, before, after)


def _moved(old: Sequence[UUID], new: Sequence[UUID]) -> set[UUID]:
    """Those that stand elsewhere among the others than they did."""
    blocks: Iterable[tuple[int, int, int]] = SequenceMatcher(
        a=old, b=new, autojunk=False
    ).get_matching_blocks()
    stayed = {id for _, start, size in blocks for id in new[start : start + size]}
    return set(new) - stayed
