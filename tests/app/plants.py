"""One change behind the market's back for every named invariant.

Each plant is the table that is put back afterwards, and the statement that changes it. {part} is a
vendor order with its money in escrow, {split} one that credits and a card paid and of which a part
was given back; {order} is the order of the first, {id} is an id that nobody has.
"""

from uuid import UUID

Plant = tuple[str, str]  # table, statement

# By a module's own proof. `<module>.<invariant>`.
MODULES: dict[str, Plant] = {
    "audit.chain": (
        "audit.entries",
        "UPDATE audit.entries SET changes = '{{}}' WHERE seq = 2",
    ),
    "audit.head": ("audit.chain", "UPDATE audit.chain SET position = position + 1"),
    "audit.reasons": (
        "audit.reasons",
        "UPDATE audit.reasons SET text = 'something else' WHERE seq ="
        " (SELECT min(seq) FROM audit.reasons)",
    ),
    "ledger.transfers": (
        "ledger.transfers",
        "UPDATE ledger.transfers SET minor = minor + 1 WHERE reference = '{part}'",
    ),
    "ledger.outcomes": ("ledger.outcomes", "UPDATE ledger.outcomes SET at = at + interval '1 s'"),
    "ledger.sealed": (
        "ledger.transfers",
        "DELETE FROM ledger.transfers WHERE reference = '{part}'",
    ),
    "ledger.chain": ("ledger.chain", "DELETE FROM ledger.chain WHERE position = 2"),
    "ledger.identity": (
        "ledger.accounts",
        "UPDATE ledger.accounts SET owner = '{id}' WHERE owner = '{part}'",
    ),
    "ledger.accounts": (
        "ledger.accounts",
        "UPDATE ledger.accounts SET credits = credits + 1 WHERE owner = '{part}'",
    ),
    "ledger.pending": (
        "ledger.accounts",
        "UPDATE ledger.accounts SET pending_credits = 1 WHERE owner = '{part}'",
    ),
    "ledger.currency": (
        "ledger.accounts",
        "UPDATE ledger.accounts SET currency = 'EUR' WHERE owner = '{part}'",
    ),
    "ledger.covered": (
        "ledger.accounts",
        "UPDATE ledger.accounts SET kind = 'wallet' WHERE kind = 'clearing' AND debits > credits",
    ),
    "ledger.balanced": (
        "ledger.accounts",
        "UPDATE ledger.accounts SET debits = debits + 1 WHERE owner = '{part}'",
    ),
    "payments.refunds": (
        "payments.payments",
        "UPDATE payments.payments SET refunded_minor = 1 WHERE reference = '{order}'",
    ),
    "payments.disputes": (
        "payments.payments",
        "UPDATE payments.payments SET disputed_minor = 1 WHERE reference = '{order}'",
    ),
    "payments.funds": (
        "payments.funds",
        "INSERT INTO payments.funds SELECT '{id}', currency, minor + 1, now(), '', 'captured', id,"
        " now() FROM payments.payments WHERE reference = '{order}'",
    ),
    "payments.times": (
        "payments.payments",
        "UPDATE payments.payments SET captured_at = NULL WHERE reference = '{order}'",
    ),
    "payouts.earnings": (
        "payouts.earnings",
        "UPDATE payouts.earnings SET refunded_net = 1 WHERE vendor_order_id = '{part}'",
    ),
    "payouts.lines": (
        "payouts.earning_lines",
        "UPDATE payouts.earning_lines SET refunded_net = refunded_net + 1"
        " WHERE vendor_order_id = '{split}'",
    ),
    "payouts.movements": (
        "payouts.movements",
        "UPDATE payouts.movements SET minor = minor + 1 WHERE line_id IS NOT NULL AND minor > 0",
    ),
    "payouts.taken": (
        "payouts.movements",
        "UPDATE payouts.movements SET taken = taken - 1, paid = paid - 1 WHERE paid > 0",
    ),
    "payouts.items": ("payouts.payout_items", "UPDATE payouts.payout_items SET minor = minor + 1"),
    "payouts.endings": (
        "payouts.payouts",
        "UPDATE payouts.payouts SET paid_at = NULL WHERE status = 'paid'",
    ),
    "payouts.forecasts": (
        "payouts.forecasts",
        "UPDATE payouts.forecasts SET net = net + 1 WHERE vendor_order_id = '{part}'",
    ),
    "wallet.refunded": (
        "wallet.moves",
        "UPDATE wallet.moves SET refunded_credits = refunded_credits + 1 WHERE kind = 'spent'",
    ),
    "wallet.converted": ("wallet.topups", "UPDATE wallet.topups SET micro = micro * 2"),
    "wallet.endings": ("wallet.topups", "UPDATE wallet.topups SET status = 'failed'"),
    "wallet.claims": (
        "wallet.claims",
        "INSERT INTO wallet.claims (id, topup_id, minor, fee, credits, verdict, followed, taken,"
        " created_at, touched_at) SELECT '{id}', id, 5, 0, 5, 'lost', 'lost', 5, now(), now()"
        " FROM wallet.topups",
    ),
    "commissions.periods": (
        "commissions.lists",
        "INSERT INTO commissions.lists (id, status, rules, tax_bp, note, created_at, changed_at,"
        " active_from, active_to) VALUES ('{id}', 'retired', '[]', 0, '', now(), now(),"
        " '2020-01-01Z', '2020-01-02Z')",
    ),
    "statements.numbers": ("statements.series", "INSERT INTO statements.series VALUES (1999, 1)"),
    "reconciliation.sums": (
        "reconciliation.totals",
        "UPDATE reconciliation.totals SET theirs = theirs + 1",
    ),
    "reconciliation.fees": (
        "reconciliation.differences",
        "INSERT INTO reconciliation.differences (id, run_id, provider, kind, key, currency, minor,"
        " action, text) SELECT '{id}', id, provider, 'fee', 'fee', 'USD', -5, 'book_fee', ''"
        " FROM reconciliation.runs",
    ),
    "reconciliation.repeats": (
        "reconciliation.differences",
        "INSERT INTO reconciliation.differences (id, run_id, provider, repeats, kind, key,"
        " currency, minor, action, text) SELECT made.id, r.id, r.provider, made.repeats, 'amount',"
        " 'a', 'USD', made.minor, 'none', '' FROM reconciliation.runs r, (VALUES ('{id}'::uuid,"
        " NULL::uuid, -5), ('{order}', '{id}', -6)) AS made (id, repeats, minor)",
    ),
    "settlement.charges": (
        "settlement.charges",
        "UPDATE settlement.charges SET amount = amount + 1 WHERE order_id = '{order}'",
    ),
    "settlement.captured": (
        "settlement.tenders",
        "UPDATE settlement.tenders SET amount = amount + 1 WHERE order_id = '{order}'",
    ),
    "settlement.shared": (
        "settlement.shares",
        "UPDATE settlement.shares SET amount = amount + 1 WHERE vendor_order_id = '{part}'",
    ),
    "settlement.shares": (
        "settlement.balances",
        "UPDATE settlement.balances SET total = total + 1 WHERE vendor_order_id = '{part}'",
    ),
    "settlement.lines": (
        "settlement.lines",
        "UPDATE settlement.lines SET gross = gross + 1 WHERE vendor_order_id = '{part}'",
    ),
    "settlement.refunded": (
        "settlement.refund_legs",
        "UPDATE settlement.refund_legs SET amount = amount + 1 WHERE leg = 'credits'",
    ),
    "settlement.lines_refunded": (
        "settlement.refund_lines",
        "UPDATE settlement.refund_lines SET gross = gross + 1",
    ),
    "settlement.refunds": (
        "settlement.refunds",
        "UPDATE settlement.refunds SET amount = amount + 1 WHERE vendor_order_id = '{split}'",
    ),
    "settlement.disputes": (
        "settlement.disputes",
        "INSERT INTO settlement.disputes (id, order_id, payment_id, provider, amount, currency,"
        " fee, fee_currency, reason, status, done, lost) VALUES ('{id}', '{order}', '{id}', 'test',"
        " 5, 'USD', 0, 'USD', '', 'lost', 'lost', 0)",
    ),
    "orders.lines": (
        "orders.lines",
        "UPDATE orders.lines SET amount = amount + 1 WHERE vendor_order_id = '{part}'",
    ),
    "orders.parts": (
        "orders.vendor_orders",
        "UPDATE orders.vendor_orders SET commission = commission + 1, net = net - 1"
        " WHERE id = '{part}'",
    ),
    "orders.refunds": (
        "orders.vendor_orders",
        "UPDATE orders.vendor_orders SET refunded = 1 WHERE id = '{part}'",
    ),
    "orders.refund_lines": (
        "orders.refunds",
        "UPDATE orders.refunds SET amount = amount + 1 WHERE vendor_order_id = '{split}'",
    ),
    "orders.lines_refunded": (
        "orders.lines",
        "UPDATE orders.lines SET refunded = 1 WHERE vendor_order_id = '{part}'",
    ),
    "orders.orders": (
        "orders.orders",
        "UPDATE orders.orders SET goods = goods + 1 WHERE id = '{order}'",
    ),
    "orders.lists": (
        "orders.order_list",
        "UPDATE orders.order_list SET refunded = refunded + 1 WHERE id = '{order}'",
    ),
    "receipts.totals": (
        "receipts.receipts",
        "INSERT INTO receipts.receipts (order_id, number, total, document, made_at)"
        " VALUES ('{order}', 'H-1-R', 5, '{{}}', now())",
    ),
    "receipts.credit_notes": (
        "receipts.credit_notes",
        "INSERT INTO receipts.credit_notes (refund_id, order_id, place, amount, document, made_at)"
        " VALUES ('{id}', '{order}', 1, 5, '{{}}', now())",
    ),
    "checkout.quotes": (
        "checkout.quotes",
        "UPDATE checkout.quotes"
        " SET document = jsonb_set(document::jsonb, '{{totals,goods,minor}}', '1')"
        " WHERE id = '{order}'",
    ),
    "inventory.on_hand": ("inventory.stock", "UPDATE inventory.stock SET on_hand = on_hand + 1"),
    "inventory.reserved": (
        "inventory.stock",
        "UPDATE inventory.stock SET reserved = reserved + 1",
    ),
    "inventory.sold": (
        "inventory.movements",
        "DELETE FROM inventory.movements WHERE reason = 'sale'",
    ),
    "inventory.transfers": (
        "inventory.movements",
        "INSERT INTO inventory.movements (id, offer_id, warehouse_id, delta, reason, reference,"
        " actor, at) SELECT '{id}', offer_id, warehouse_id, 0, 'transfer', '{id}', 'system', now()"
        " FROM inventory.stock LIMIT 1",
    ),
    "inventory.warehouses": (
        "inventory.warehouses",
        "UPDATE inventory.warehouses SET vendor_id = id",
    ),
    "returns.tallies": (
        "returns.tallies",
        "INSERT INTO returns.tallies (line_id, bought, open, known) VALUES ('{id}', 2, 1, 0)",
    ),
    "returns.items": (
        "returns.returns",
        "INSERT INTO returns.returns (id, kind, state, order_id, order_number, vendor_order_id,"
        " vendor_id, reason, items, send_back, currency, amount, refund_shipping, shipping, block,"
        " requested_at, updated_at) VALUES ('{id}', 'return', 'requested', '{order}', 'H-1',"
        " '{part}', '{id}', 'damaged', 2, true, 'USD', 5, false, 0, 'set', now(), now())",
    ),
    "returns.endings": (
        "returns.returns",
        "INSERT INTO returns.returns (id, kind, state, order_id, order_number, vendor_order_id,"
        " vendor_id, reason, items, send_back, currency, amount, refund_shipping, shipping, block,"
        " requested_at, updated_at) VALUES ('{id}', 'return', 'withdrawn', '{order}', 'H-1',"
        " '{part}', '{id}', 'damaged', 0, true, 'USD', 5, false, 0, 'set', now(), now())",
    ),
    "catalog.shelves": ("catalog.shelves", "DELETE FROM catalog.shelves"),
    "catalog.counts": (
        "catalog.categories",
        "INSERT INTO catalog.categories (id, ancestors, slug, name, product_count)"
        " VALUES ('{id}', ARRAY['{id}'::uuid], 'planted', 'Planted', 3)",
    ),
    "catalog.prices": (
        "catalog.products",
        "UPDATE catalog.products SET price_from = price_from + 1",
    ),
    "catalog.steps": (
        "catalog.prices",
        "UPDATE catalog.prices SET price_minor = price_minor + 1",
    ),
    "media.usage": ("media.usage", "INSERT INTO media.usage (holder_id, files) VALUES ('{id}', 3)"),
    "media.claims": (
        "media.files",
        "INSERT INTO media.files (id, digest, content_type, size_bytes, width, height, uploaded_at,"
        " claims) VALUES ('{id}', 'a', 'image/png', 1, 1, 1, now(), 2)",
    ),
}

# What every module by itself finds right, and another contradicts.
CROSSWISE: dict[str, Plant] = {
    "payables_and_escrows": (
        "payouts.movements",
        "INSERT INTO payouts.movements (vendor_id, currency, kind, cause_id, minor, at)"
        " SELECT vendor_id, currency, 'credit_note', '{id}', 5, now() FROM payouts.earnings"
        " WHERE vendor_order_id = '{part}'",
    ),
    "clearing": (
        "payments.disbursements",
        "UPDATE payments.disbursements SET status = 'failed', paid_at = NULL",
    ),
    "corrections": (
        "reconciliation.differences",
        "INSERT INTO reconciliation.differences (id, run_id, provider, kind, key, currency, minor,"
        " action, text, status) SELECT made.id, r.id, r.provider, 'status', 'a', 'USD', made.minor,"
        " made.action, '', made.status FROM reconciliation.runs r, (VALUES ('{id}'::uuid, 5,"
        " 'book_difference', 'booked'), ('{order}', -5, 'none', 'settled'))"
        " AS made (id, minor, action, status)",
    ),
    "captured_payments": (
        "payments.payments",
        "UPDATE payments.payments SET reference = '{id}' WHERE reference = '{order}'",
    ),
    "orders_and_books": (
        "payments.payments",
        "UPDATE payments.payments SET minor = minor + 1, captured_minor = captured_minor + 1"
        " WHERE reference = '{order}'",
    ),
    "reservations": (
        "checkout.checkouts",
        "UPDATE checkout.checkouts SET state = 'undone' WHERE id = '{order}'",
    ),
    "performances": (
        "performance.orders",
        "UPDATE performance.orders SET ship_by = ship_by + interval '1 hour'"
        " WHERE vendor_order_id = '{part}'",
    ),
    "wallets": (
        "wallet.moves",
        "UPDATE wallet.moves SET credits = credits + 5 WHERE kind = 'granted'",
    ),
}


def written(plant: Plant, *, id: UUID, order: str, part: str, split: str) -> Plant:
    """The table and the statement with their ids filled in."""
    table, statement = plant
    return table, statement.format(id=id, order=order, part=part, split=split)
