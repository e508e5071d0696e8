"""What was sold, quoted and paid before credits, cash and refunds by line stays valid after."""

import json
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from haat.domains.trade.checkout.api import Quote
from haat.domains.trade.checkout.rules import wrong_sum
from haat.engines.sql.migrate import Migrated, migrated
from haat.engines.sql.revisions import connected, context_of, upgrade_one
from tests import postgres

ADDRESS = {"name": "Ada Low", "line1": "1 Main St", "city": "Dhaka", "country": "BD"}


def upgrade_to(connection: sa.Connection, module: Migrated, revision: str) -> None:
    script = ScriptDirectory(module.folder, version_locations=[module.folder])
    with connection.begin():
        connection.execute(sa.text(f'CREATE SCHEMA "{module.name}"'))
        context = context_of(
            connection, module, fn=lambda current, _: script._upgrade_revs(revision, current)
        )
        with Operations.context(context):
            context.run_migrations()


def test_orders_keep_their_terms(postgres_url: str) -> None:
    module = migrated("haat.domains.trade.orders")
    order, part, line, free = (uuid4() for _ in range(4))
    with postgres.database(postgres_url) as url, connected(url) as connection:
        upgrade_to(connection, module, "0001")
        given = {"order": order, "part": part, "line": line, "free": free, "a": json.dumps(ADDRESS)}
        with connection.begin():
            for statement in (
                "INSERT INTO orders.orders (id, number, email, ship_to, bill_to,"
                " prices_include_tax, currency, goods, shipping, tax, total, placed_at) VALUES"
                " (:order, 'H-1', 'a@b.c', :a, :a, true, 'EUR', 1100, 0, 100, 1100, now())",
                "INSERT INTO orders.vendor_orders (id, order_id, position, number, vendor_id,"
                " vendor_name, payment, fulfilment, shipping_method, shipping_tax_bp,"
                " shipping_tax, currency, items, goods, shipping, tax, total, commission, net,"
                " placed_at) VALUES (:part, :order, 1, 'H-1-1', :order, 'V', 'paid', 'pending',"
                " 'S', 0, 0, 'EUR', 2, 1100, 0, 100, 1100, 30, 970, now())",
                *(
                    "INSERT INTO orders.lines (id, vendor_order_id, position, offer_id,"
                    " product_id, product_slug, variant_id, sku, title, variant_title, quantity,"
                    " unit_price, amount, tax_bp, tax, commission_bp, commission) VALUES"
                    f" (:{name}, :part, 1, :line, :line, 's', :line, 'k', 't', '', 1,"
                    f" {amount}, {amount}, 1000, {tax}, {rate}, {cut})"
                    for name, amount, tax, rate, cut in (
                        ("line", 1100, 100, 300, 30),
                        ("free", 0, 0, 0, 0),
                    )
                ),
            ):
                connection.execute(sa.text(statement), given)
        upgrade_one(connection, module)
        read = sa.text("SELECT terms, commission_tax FROM orders.lines WHERE id = :id")
        with connection.begin():
            terms, on_it = connection.execute(read, {"id": line}).one()
            assert (terms, on_it) == (
                {"source": "default", "rate_bp": 300, "base_minor": 1000},
                0,
            )
            assert connection.execute(read, {"id": free}).one()[0]["source"] == "none"
            shipping = sa.text(
                "SELECT shipping_terms, shipping_commission, commission_tax"
                " FROM orders.vendor_orders"
            )
            assert tuple(connection.execute(shipping).one()) == ({"source": "none"}, 0, 0)


def money(minor: int) -> dict[str, Any]:
    return {"minor": minor, "currency": "EUR"}


def test_quotes_are_read_as_before(postgres_url: str) -> None:
    module = migrated("haat.domains.trade.checkout")
    id = uuid4()
    totals = {"goods": money(2000), "shipping": money(0), "tax": money(0), "total": money(2000)}
    lines = [
        {
            **dict.fromkeys(("id", "offerId", "productId", "variantId"), str(uuid4())),
            "productSlug": "s",
            "sku": sku,
            "title": "t",
            "quantity": 1,
            "unitPrice": money(1000),
            "amount": money(1000),
            "taxBp": 0,
            "tax": money(0),
            "commissionBp": rate,
            "commission": money(rate // 10),
        }
        for sku, rate in (("first", 300), ("second", 0))
    ]
    option = {"methodId": str(id), "name": "S", "price": money(0), "daysMin": 1, "daysMax": 2}
    group = {
        "vendorId": str(id),
        "vendorName": "V",
        "lines": lines,
        "shipping": option,
        "shippingOptions": [option],
        "shippingTaxBp": 0,
        "shippingTax": money(0),
        "totals": totals,
        "commission": money(30),
        "net": money(1970),
    }
    document = {
        "id": str(id),
        "cartId": None,
        "personId": None,
        "email": "a@b.c",
        "groups": [group],
        "shipTo": ADDRESS,
        "billTo": ADDRESS,
        "pricesIncludeTax": False,
        "totals": totals,
        **dict.fromkeys(("createdAt", "expiresAt"), "2026-11-01T12:00:00Z"),
    }
    with postgres.database(postgres_url) as url, connected(url) as connection:
        upgrade_to(connection, module, "0001")
        with connection.begin():
            connection.execute(
                sa.text(
                    "INSERT INTO checkout.quotes (id, document, created_at, expires_at)"
                    " VALUES (:id, :document, now(), now())"
                ),
                {"id": id, "document": json.dumps(document)},
            )
        upgrade_one(connection, module)
        with connection.begin():
            stored = connection.scalar(sa.text("SELECT document::text FROM checkout.quotes"))
    quote = Quote.model_validate_json(str(stored))
    assert wrong_sum(quote) is None
    found = quote.groups[0].lines
    assert [(line.sku, line.terms.source) for line in found] == [
        ("first", "default"),
        ("second", "none"),
    ]
    assert (found[0].terms.rate_bp, found[0].terms.base_minor) == (300, 1000)
    assert quote.groups[0].shipping_terms.source == "none"


def states_in(connection: sa.Connection, statement: str) -> dict[UUID, str]:
    rows = connection.execute(sa.text(statement)).all()
    return {row[0]: row[1] for row in rows}


def test_payments_and_refunds_go_on(postgres_url: str) -> None:
    """Paid, half-way, failed, voided before its hold: each keeps its state."""
    module = migrated("haat.domains.trade.settlement")
    states = ("booked", "captured", "open", "failed", "voided")
    ids: dict[str, UUID] = {state: uuid4() for state in states}
    part, refund = uuid4(), uuid4()
    with postgres.database(postgres_url) as url, connected(url) as connection:
        upgrade_to(connection, module, "0001")
        with connection.begin():
            for state, id in ids.items():
                ghost = state == "voided"
                connection.execute(
                    sa.text(
                        "INSERT INTO settlement.tenders VALUES"
                        " (:id, :provider, :amount, :currency, :state, now(), now())"
                    ),
                    {
                        "id": id,
                        "provider": "" if ghost else "test",
                        "amount": 0 if ghost else 1000,
                        "currency": "" if ghost else "EUR",
                        "state": state,
                    },
                )
            connection.execute(
                sa.text("INSERT INTO settlement.balances VALUES (:part, :order, 1000, 400, 'EUR')"),
                {"part": part, "order": ids["booked"]},
            )
            connection.execute(
                sa.text(
                    "INSERT INTO settlement.refunds (id, vendor_order_id, order_id, amount,"
                    " currency, state, reason, created_at) VALUES"
                    " (:id, :part, :order, 400, 'EUR', 'created', 'x', now())"
                ),
                {"id": refund, "part": part, "order": ids["booked"]},
            )
        upgrade_one(connection, module)
        with connection.begin():
            charges = states_in(connection, "SELECT order_id, state FROM settlement.charges")
            assert charges == {id: state for state, id in ids.items()}
            tenders = states_in(connection, "SELECT of_id, state FROM settlement.tenders")
            assert tenders == {
                ids["booked"]: "booked",
                ids["captured"]: "captured",
                ids["open"]: "open",
                ids["failed"]: "voided",
            }
            share = connection.execute(
                sa.text("SELECT leg, of_id, provider, amount, refunded FROM settlement.shares")
            ).one()
            assert tuple(share) == ("card", ids["booked"], "test", 1000, 400)
            leg = connection.execute(
                sa.text("SELECT id, leg, amount, state FROM settlement.refund_legs")
            ).one()
            assert tuple(leg) == (refund, "card", 400, "created")
            booked = sa.text("SELECT booked_at IS NOT NULL FROM settlement.balances")
            assert connection.scalar(booked)
