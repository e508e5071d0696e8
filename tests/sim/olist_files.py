"""The files of a real marketplace (Olist), and what its money comes to, by plain arithmetic.

Nothing of Haat is imported: amounts are Decimals and Fractions until they are rounded to cents,
so that an error in the modules is not an error here. Times in the files are local without a
zone, month first; they are taken for UTC.
"""

import csv
import gzip
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from math import floor
from pathlib import Path

Row = dict[str, str]
RULES_FROM = datetime(2018, 1, 1, tzinfo=UTC)  # until then the default of 3 % on goods alone
CATEGORY = "cama_mesa_banho"
DEFAULT_BP, CATEGORY_BP, FREIGHT_BP, TAX_BP = 300, 1200, 200, 500
CAP = 2000  # of what a line in that category pays, in cents


def cents(text: str) -> int:
    """ "109.9" is 10990; a fraction of a cent would be an error."""
    found = Decimal(text) * 100
    assert found == int(found), text
    return int(found)


def moment(text: str) -> datetime:
    return datetime.strptime(text, "%m/%d/%Y %H:%M").replace(tzinfo=UTC)


@dataclass
class Files:
    """`items` and `payments` by order, as they stand in the files."""

    orders: dict[str, Row]
    items: dict[str, list[Row]]
    payments: dict[str, list[Row]]
    category: dict[str, str]  # of a product; "" where none is given


def read_files(folder: Path) -> Files:
    return Files(
        orders={row["order_id"]: row for row in _rows(folder, "orders")},
        items=_by_order(_rows(folder, "order_items")),
        payments=_by_order(_rows(folder, "order_payments")),
        category={
            row["product_id"]: row["product_category_name"] for row in _rows(folder, "products")
        },
    )


def of_period(files: Files, since: datetime, until: datetime) -> Files:
    """Only what was ordered with since ≤ purchase < until."""
    there = {
        id
        for id, order in files.orders.items()
        if since <= moment(order["order_purchase_timestamp"]) < until
    }
    return Files(
        orders={id: order for id, order in files.orders.items() if id in there},
        items={id: rows for id, rows in files.items.items() if id in there},
        payments={id: rows for id, rows in files.payments.items() if id in there},
        category=files.category,
    )


def _rows(folder: Path, name: str) -> list[Row]:
    path = folder / f"olist_{name}_dataset.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _by_order(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["order_id"], []).append(row)
    return found


def delivered_at(order: Row) -> datetime | None:
    """One delivered order has no date of it: the promised one is taken."""
    text = order["order_delivered_customer_date"]
    if not text and order["order_status"] == "delivered":
        text = order["order_estimated_delivery_date"]
    return moment(text) if text else None


def given_back(order: Row) -> bool:
    """The customer has the money again."""
    return order["order_status"] in ("canceled", "unavailable")


# -- what it all comes to --------------------------------------------------------------------------


@dataclass
class Sums:
    """In cents. `gross` = goods + freight of everything sold; the rest tells where that is: given
    back, still waiting for its delivery, or earned (= net + commission + commission_tax)."""

    gross: int = 0
    freight: int = 0
    back: int = 0
    waiting: int = 0
    net: int = 0
    commission: int = 0
    commission_tax: int = 0


@dataclass
class Expected:
    vendors: dict[str, Sums] = field(default_factory=dict)

    @property
    def total(self) -> Sums:
        names = Sums.__dataclass_fields__
        return Sums(**{n: sum(getattr(one, n) for one in self.vendors.values()) for n in names})


def half_up(amount: Fraction) -> int:
    return floor(amount + Fraction(1, 2))


def expected(files: Files) -> Expected:
    """Every vendor's money once all return windows are over."""
    found = Expected()
    for order_id, rows in files.items.items():
        order = files.orders[order_id]
        sold_at = moment(order["order_purchase_timestamp"])
        for vendor in sorted({row["seller_id"] for row in rows}):
            theirs = [row for row in rows if row["seller_id"] == vendor]
            sums = found.vendors.setdefault(vendor, Sums())
            goods = sum(cents(row["price"]) for row in theirs)
            freight = sum(cents(row["freight_value"]) for row in theirs)
            sums.gross += goods + freight
            sums.freight += freight
            if given_back(order):
                sums.back += goods + freight
            elif delivered_at(order) is None:
                sums.waiting += goods + freight
            else:
                ours, tax = _commission(files, theirs, freight, sold_at)
                sums.commission += ours
                sums.commission_tax += tax
                sums.net += goods + freight - ours - tax
    return found


def _commission(files: Files, rows: list[Row], freight: int, sold_at: datetime) -> tuple[int, int]:
    """Of one vendor's part of an order, and the tax on it: rounded line by line. Equal items of an
    order are one line."""
    by_line: Counter[tuple[str, str]] = Counter()
    for row in rows:
        by_line[row["product_id"], row["price"]] += cents(row["price"])
    if sold_at < RULES_FROM:
        shares = [half_up(Fraction(amount * DEFAULT_BP, 10_000)) for amount in by_line.values()]
        return sum(shares), 0
    shares = [half_up(Fraction(freight * FREIGHT_BP, 10_000))]
    for (product, _), amount in by_line.items():
        if files.category.get(product) == CATEGORY:
            shares.append(min(half_up(Fraction(amount * CATEGORY_BP, 10_000)), CAP))
        else:
            shares.append(half_up(Fraction(amount * DEFAULT_BP, 10_000)))
    return sum(shares), sum(half_up(Fraction(one * TAX_BP, 10_000)) for one in shares)


def mismatched(files: Files) -> set[str]:
    """Orders whose payments are not what their items cost; without items they cost nothing."""
    paid = {
        id: sum(cents(row["payment_value"]) for row in rows) for id, rows in files.payments.items()
    }
    owed = {
        id: sum(cents(row["price"]) + cents(row["freight_value"]) for row in rows)
        for id, rows in files.items.items()
    }
    return {id for id in paid.keys() | owed.keys() if paid.get(id) != owed.get(id)}
