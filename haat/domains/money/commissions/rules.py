"""Which rule a sale meets and what commission follows from it. Pure.

Rules are tried in their order and the first whose conditions all hold wins. What no rule matches
pays the vendor's own rate, else the market's default (both for goods only); shipping that no rule
matches pays nothing.

The amounts, in minor units (`base` is the sale's amount without tax):

    share      = base × rate_bp / 10,000, rounded half up
    wished     = share + fixed_minor × quantity, at least floor_minor, then at most cap_minor
    commission = the most that is ≤ wished and leaves commission + tax ≤ base
    tax        = commission × tax_bp / 10,000, rounded half up

So the vendor is never left with less than nothing of a line. Where the two do not fit, it is the
commission that gives way and not its tax: the tax is what the rate makes of the commission on every
invoice.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from haat.domains.money.commissions.api import Assessment, Rule, RuleList, Sale, Terms, Tried
from haat.kernel.money import Money, money_of, share

Failed = Literal["vendor", "category", "product", "price", "period", "kind"]
VENDOR_RATE, DEFAULT, NOTHING = "The vendor's own rate", "The market's default", "No commission"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A rule whose lists are sets, so that a sale meets a long list in one look."""

    rule: Rule
    vendors: frozenset[UUID]
    categories: frozenset[UUID]
    products: frozenset[UUID]

    @staticmethod
    def of(rule: Rule) -> "Prepared":
        ids = (rule.vendor_ids, rule.category_ids, rule.product_ids)
        return Prepared(rule, *(frozenset(some) for some in ids))

    def failed(self, sale: Sale) -> Failed | None:
        """The first condition that does not hold; None when all do."""
        rule = self.rule
        if rule.applies_to not in ("both", sale.kind):
            return "kind"
        if self.vendors and sale.vendor_id not in self.vendors:
            return "vendor"
        if self.categories and self.categories.isdisjoint(_shelves(rule, sale)):
            return "category"
        if self.products and sale.product_id not in self.products:
            return "product"
        price = sale.unit_price.minor
        if rule.price_from is not None and price < rule.price_from:
            return "price"
        if rule.price_to is not None and price >= rule.price_to:
            return "price"
        if rule.valid_from is not None and sale.at < rule.valid_from:
            return "period"
        if rule.valid_to is not None and sale.at >= rule.valid_to:
            return "period"
        return None


@dataclass(frozen=True, slots=True)
class Book:
    """A list ready to be asked; `list_id` None and no rules: none is active."""

    list_id: UUID | None
    tax_bp: int
    rules: tuple[Prepared, ...]

    def winner(self, sale: Sale) -> Rule | None:
        for one in self.rules:
            if one.failed(sale) is None:
                return one.rule
        return None


NO_BOOK = Book(None, 0, ())


def prepare(found: RuleList | None) -> Book:
    if found is None:
        return NO_BOOK
    return Book(found.id, found.tax_bp, tuple(Prepared.of(rule) for rule in found.rules))


def _shelves(rule: Rule, sale: Sale) -> list[UUID]:
    """The product's own category comes first in a path, then its parents up to the root."""
    return sale.category_path if rule.with_subcategories else sale.category_path[:1]


def by_rule(book: Book, rule: Rule, sale: Sale) -> Assessment:
    return _assessed(
        sale,
        Terms(
            source="rule",
            list_id=book.list_id,
            rule_id=rule.id,
            rule_name=rule.name,
            rate_bp=rule.rate_bp,
            fixed_minor=rule.fixed_minor,
            floor_minor=rule.floor_minor,
            cap_minor=rule.cap_minor,
            base_minor=sale.base.minor,
            tax_bp=book.tax_bp,
        ),
    )


def by_rate(
    book: Book, sale: Sale, source: Literal["vendor_rate", "default", "none"], rate_bp: int
) -> Assessment:
    """For a sale that no rule matches."""
    terms = Terms(
        source=source,
        list_id=book.list_id,
        rate_bp=rate_bp,
        base_minor=sale.base.minor,
        tax_bp=book.tax_bp,
    )
    return _assessed(sale, terms)


def _assessed(sale: Sale, terms: Terms) -> Assessment:
    commission, tax = amounts(terms, sale.quantity)
    currency = sale.base.currency
    return Assessment(
        id=sale.id,
        commission=money_of(commission, currency),
        commission_tax=money_of(tax, currency),
        terms=terms,
    )


def amounts(terms: Terms, quantity: int) -> tuple[int, int]:
    """(commission, tax on it); commission + tax ≤ base."""
    commission = min(wished(terms, quantity), affordable(terms.base_minor, terms.tax_bp))
    return commission, share(commission, terms.tax_bp)


def wished(terms: Terms, quantity: int) -> int:
    """Before it is looked at what the sale can bear."""
    minor = share(terms.base_minor, terms.rate_bp) + terms.fixed_minor * quantity
    if terms.floor_minor is not None:
        minor = max(minor, terms.floor_minor)
    if terms.cap_minor is not None:
        minor = min(minor, terms.cap_minor)
    return minor


def affordable(base: int, tax_bp: int) -> int:
    """The largest commission that fits into `base` together with its tax.

    Commission + tax grows with the commission, and rounding moves it by half a unit at most: the
    exact quotient is at most one unit off.
    """
    found = base * 10_000 // (10_000 + tax_bp)
    while found + 1 + share(found + 1, tax_bp) <= base:
        found += 1
    while found > 0 and found + share(found, tax_bp) > base:
        found -= 1
    return found


# -- in words -----------------------------------------------------------------------------------


def tried(book: Book, sale: Sale) -> list[Tried]:
    """Every rule up to the one that wins, each with why it did not; the last one won, or none."""
    found = []
    for one in book.rules:
        failed = one.failed(sale)
        why = _why(one.rule, sale, failed) if failed else "Every condition holds."
        found.append(Tried(rule_id=one.rule.id, rule_name=one.rule.name, failed=failed, why=why))
        if failed is None:
            break
    return found


def tried_rates(sale: Sale, terms: Terms, own_rate: bool) -> list[Tried]:
    """What is tried after the last rule, for a sale that no rule matched."""

    def row(name: str, failed: Failed | None, why: str) -> Tried:
        return Tried(rule_id=None, rule_name=name, failed=failed, why=why)

    if sale.kind == "shipping":
        return [row(NOTHING, None, "No rule matches, and rates are for goods only.")]
    rate = f"{percent(terms.rate_bp)} %"
    if own_rate:
        return [row(VENDOR_RATE, None, f"No rule matches; this vendor has a rate of {rate}.")]
    return [
        row(VENDOR_RATE, "vendor", "This vendor has no rate of its own."),
        row(DEFAULT, None, f"No rule matches; the market takes {rate}."),
    ]


def _why(rule: Rule, sale: Sale, failed: Failed) -> str:
    if failed == "kind":
        return f"The rule is for {rule.applies_to}, this is {sale.kind}."
    if failed == "vendor":
        return f"The vendor is not among the rule's {_many(rule.vendor_ids, 'vendor')}."
    if failed == "category":
        return _why_category(rule, sale)
    if failed == "product":
        if sale.product_id is None:
            return "There is no product in this sale, and the rule names some."
        return f"The product is not among the rule's {_many(rule.product_ids, 'product')}."
    if failed == "price":
        return _why_price(rule, sale)
    return _why_period(rule, sale.at)


def _why_category(rule: Rule, sale: Sale) -> str:
    if not sale.category_path:
        return "This sale has no category, and the rule names some."
    named = _many(rule.category_ids, "category", "categories")
    if rule.with_subcategories:
        return f"Neither the product's category nor one above it is among the rule's {named}."
    return f"The product's own category is not among the rule's {named}."


def _why_price(rule: Rule, sale: Sale) -> str:
    price = sale.unit_price
    low, high = rule.price_from, rule.price_to
    if low is not None and price.minor < low:
        least = Money(minor=low, currency=price.currency)
        return f"The price {price.decimal()} is below {least.decimal()}."
    assert high is not None, "a price band that fails has the bound that fails"
    most = Money(minor=high, currency=price.currency)
    return f"The price {price.decimal()} is not below {most.decimal()}."


def _why_period(rule: Rule, at: datetime) -> str:
    if rule.valid_from is not None and at < rule.valid_from:
        return f"The sale, {_moment(at)}, is before {_moment(rule.valid_from)}."
    assert rule.valid_to is not None, "a period that fails has the end that fails"
    return f"The sale, {_moment(at)}, is not before {_moment(rule.valid_to)}."


def sums(assessment: Assessment, quantity: int) -> str:
    """'12 % of 40.00 = 4.80, at least 5.00 → 5.00; tax 20 % = 1.00'."""
    terms, currency = assessment.terms, assessment.commission.currency

    def said(minor: int) -> str:
        return Money(minor=minor, currency=currency).decimal()

    if terms.source == "none":
        return f"0 % of {said(terms.base_minor)} = {said(0)}"
    minor = share(terms.base_minor, terms.rate_bp)
    text = f"{percent(terms.rate_bp)} % of {said(terms.base_minor)} = {said(minor)}"
    if terms.fixed_minor:
        minor += terms.fixed_minor * quantity
        text += f", plus {quantity} × {said(terms.fixed_minor)} = {said(minor)}"
    if terms.floor_minor is not None and minor < terms.floor_minor:
        minor = terms.floor_minor
        text += f", at least {said(minor)} → {said(minor)}"
    if terms.cap_minor is not None and minor > terms.cap_minor:
        minor = terms.cap_minor
        text += f", at most {said(minor)} → {said(minor)}"
    if assessment.commission.minor < minor:
        whole = "with its tax " if terms.tax_bp else ""
        text += f", {whole}not more than {said(terms.base_minor)} → "
        text += assessment.commission.decimal()
    if terms.tax_bp:
        text += f"; tax {percent(terms.tax_bp)} % = {assessment.commission_tax.decimal()}"
    return text


def percent(points: int) -> str:
    """1250 → '12.5'."""
    whole, part = divmod(points, 100)
    return f"{whole}.{part:02}".rstrip("0").rstrip(".")


def _many(ids: Iterable[UUID], one: str, many: str = "") -> str:
    count = len(set(ids))
    return f"1 {one}" if count == 1 else f"{count} {many or one + 's'}"


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
