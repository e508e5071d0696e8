"""Bank transfers, disputes, saved methods, vendors' accounts; payments know whose they are."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _upgrade_customers()
    _upgrade_methods()
    _upgrade_spikes()
    _upgrade_vendor_accounts()
    _upgrade_disputes()
    _upgrade_disputes_more()
    _upgrade_funds()
    _upgrade_disbursements()
    _upgrade_payments()
    _upgrade_payments_more()
    _upgrade_provider_events()
    _upgrade_refunds()
    _fill_in()
    _upgrade_checks()


def downgrade() -> None:
    _downgrade_checks()
    _empty_out()
    _downgrade_refunds()
    _downgrade_provider_events()
    _downgrade_payments()
    _downgrade_disbursements()
    _downgrade_funds()
    _downgrade_disputes()
    _downgrade_vendor_accounts()
    _downgrade_spikes()
    _downgrade_methods()
    _downgrade_customers()


CHECKS = (
    ("payments", "collect", "collect IN ('now', 'on_delivery')"),
    ("payments", "disputed", "disputed_minor >= 0"),
    ("payments", "purpose", "purpose IN ('order', 'topup')"),
)
UNFINISHED = "status = 'created' OR (status = 'pending' AND NOT by_hand)"
UNFINISHED_BEFORE = "status IN ('created', 'pending')"


def _fill_in() -> None:
    """What old rows would say: `awaiting` now stands between needs_action and authorized, and
    when something happened is, as closely as is known, when its row last changed."""
    op.execute("UPDATE payments.payments SET rank = rank + 1 WHERE rank >= 2")
    op.execute("UPDATE payments.payments SET captured_at = changed_at WHERE captured_minor > 0")
    op.execute("UPDATE payments.disbursements SET paid_at = created_at WHERE status = 'paid'")
    op.execute(
        "UPDATE payments.refunds r SET provider = p.provider,"
        " done_at = CASE WHEN r.status = 'done' THEN r.asked_at END"
        " FROM payments.payments p WHERE p.id = r.payment_id"
    )
    op.execute(
        "UPDATE payments.provider_events SET payment_id = (payload #>> '{data,object,id}')::uuid"
        " WHERE type LIKE 'intent.%' AND payload #>> '{data,object,id}' ~"
        " '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'"
    )


def _empty_out() -> None:
    op.execute("UPDATE payments.payments SET status = 'created' WHERE status = 'awaiting'")
    op.execute(
        "UPDATE payments.payments SET rank = CASE WHEN rank = 2 THEN 0 ELSE rank - 1 END"
        " WHERE rank >= 2"
    )


def _upgrade_checks() -> None:
    op.drop_index("ix_refunds_unfinished", table_name="refunds", schema="payments")
    op.create_index(
        "ix_refunds_unfinished",
        "refunds",
        ["asked_at"],
        unique=False,
        schema="payments",
        postgresql_where=sa.text(UNFINISHED),
    )
    for table, name, condition in CHECKS:
        full = op.f(f"ck_{table}_{name}")
        op.create_check_constraint(full, table, sa.text(condition), schema="payments")


def _downgrade_checks() -> None:
    for table, name, _ in CHECKS:
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, schema="payments")
    op.drop_index("ix_refunds_unfinished", table_name="refunds", schema="payments")
    op.create_index(
        "ix_refunds_unfinished",
        "refunds",
        ["asked_at"],
        unique=False,
        schema="payments",
        postgresql_where=sa.text(UNFINISHED_BEFORE),
    )


def _upgrade_customers() -> None:
    op.create_table(
        "customers",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("customer_ref", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "provider", name=op.f("pk_customers")),
        schema="payments",
    )


def _upgrade_methods() -> None:
    op.create_table(
        "methods",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("provider_ref", sa.Text(), nullable=False),
        sa.Column("customer_ref", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("expires", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("forgotten_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_methods")),
        sa.UniqueConstraint(
            "person_id",
            "provider",
            "provider_ref",
            name=op.f("uq_methods_person_id_provider_provider_ref"),
        ),
        schema="payments",
    )
    op.create_index(
        "ix_methods_person",
        "methods",
        ["person_id", "created_at", "id"],
        unique=False,
        schema="payments",
        postgresql_where=sa.text("forgotten_at IS NULL"),
    )


def _upgrade_spikes() -> None:
    op.create_table(
        "spikes",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("provider", name=op.f("pk_spikes")),
        schema="payments",
    )


def _upgrade_vendor_accounts() -> None:
    op.create_table(
        "vendor_accounts",
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("provider_ref", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("requirements", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('started', 'restricted', 'ready')", name=op.f("ck_vendor_accounts_status")
        ),
        sa.PrimaryKeyConstraint("vendor_id", "provider", name=op.f("pk_vendor_accounts")),
        sa.UniqueConstraint(
            "provider", "provider_ref", name=op.f("uq_vendor_accounts_provider_provider_ref")
        ),
        schema="payments",
    )
    op.create_index(
        "ix_vendor_accounts_asked",
        "vendor_accounts",
        ["asked_at"],
        unique=False,
        schema="payments",
        postgresql_where=sa.text("status <> 'ready'"),
    )


def _upgrade_disputes() -> None:
    op.create_table(
        "disputes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("provider_ref", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_currency", sa.Text(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("evidence_due", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fee_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (status = 'open')", name=op.f("ck_disputes_closed_at")
        ),
        sa.CheckConstraint("status IN ('open', 'won', 'lost')", name=op.f("ck_disputes_status")),
        sa.CheckConstraint(
            "(fee_at IS NOT NULL) = (fee_minor > 0)", name=op.f("ck_disputes_fee_at")
        ),
        sa.CheckConstraint("minor > 0 AND fee_minor >= 0", name=op.f("ck_disputes_positive")),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.payments.id"], name=op.f("fk_disputes_payment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disputes")),
        sa.UniqueConstraint(
            "provider", "provider_ref", name=op.f("uq_disputes_provider_provider_ref")
        ),
        schema="payments",
    )
    op.create_index(
        "ix_disputes_fee",
        "disputes",
        ["provider", "fee_at", "id"],
        unique=False,
        schema="payments",
        postgresql_where=sa.text("fee_at IS NOT NULL"),
    )
    op.create_index(
        "ix_disputes_newest", "disputes", ["opened_at", "id"], unique=False, schema="payments"
    )
    op.create_index(
        "ix_disputes_opened",
        "disputes",
        ["provider", "opened_at", "id"],
        unique=False,
        schema="payments",
    )
    op.create_index(
        "ix_disputes_payment", "disputes", ["payment_id"], unique=False, schema="payments"
    )


def _upgrade_disputes_more() -> None:
    op.create_index(
        "ix_disputes_status",
        "disputes",
        ["status", "opened_at", "id"],
        unique=False,
        schema="payments",
    )
    op.create_index(
        "ix_disputes_won",
        "disputes",
        ["provider", "closed_at", "id"],
        unique=False,
        schema="payments",
        postgresql_where=sa.text("status = 'won'"),
    )


def _upgrade_funds() -> None:
    op.create_table(
        "funds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("bank_ref", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(payment_id IS NULL) = (outcome = 'unmatched')", name=op.f("ck_funds_matched")
        ),
        sa.CheckConstraint(
            "outcome IN ('captured', 'already', 'unmatched', 'wrong_amount', 'late')",
            name=op.f("ck_funds_outcome"),
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.payments.id"], name=op.f("fk_funds_payment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_funds")),
        schema="payments",
    )
    op.create_index(
        "uq_funds_payment",
        "funds",
        ["payment_id"],
        unique=True,
        schema="payments",
        postgresql_where=sa.text("outcome IN ('captured', 'already')"),
    )


def _upgrade_disbursements() -> None:
    op.add_column(
        "disbursements",
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        schema="payments",
    )
    op.create_index(
        "ix_disbursements_paid",
        "disbursements",
        ["provider", "paid_at", "id"],
        unique=False,
        schema="payments",
        postgresql_where=sa.text("paid_at IS NOT NULL"),
    )


def _upgrade_payments() -> None:
    op.add_column(
        "payments",
        sa.Column("disputed_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        schema="payments",
    )
    op.add_column(
        "payments",
        sa.Column("purpose", sa.Text(), server_default=sa.text("'order'"), nullable=False),
        schema="payments",
    )
    op.add_column("payments", sa.Column("person_id", sa.Uuid(), nullable=True), schema="payments")
    op.add_column(
        "payments",
        sa.Column("collect", sa.Text(), server_default=sa.text("'now'"), nullable=False),
        schema="payments",
    )
    op.add_column(
        "payments",
        sa.Column("instructions", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        schema="payments",
    )
    op.add_column(
        "payments", sa.Column("transfer_ref", sa.Text(), nullable=True), schema="payments"
    )
    op.add_column(
        "payments",
        sa.Column("funds_until", sa.DateTime(timezone=True), nullable=True),
        schema="payments",
    )
    op.add_column(
        "payments",
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=True),
        schema="payments",
    )
    op.create_index(
        "ix_payments_awaiting",
        "payments",
        ["funds_until", "id"],
        unique=False,
        schema="payments",
        postgresql_where=sa.text("status = 'awaiting'"),
    )
    op.create_index(
        "ix_payments_captured",
        "payments",
        ["provider", "captured_at", "id"],
        unique=False,
        schema="payments",
        postgresql_where=sa.text("captured_at IS NOT NULL"),
    )
    op.create_index(
        "ix_payments_person",
        "payments",
        ["person_id", "created_at", "id"],
        unique=False,
        schema="payments",
        postgresql_where=sa.text("person_id IS NOT NULL"),
    )


def _upgrade_payments_more() -> None:
    op.create_index(
        "ix_payments_provider",
        "payments",
        ["provider", "created_at", "id"],
        unique=False,
        schema="payments",
    )
    op.create_index(
        "ix_payments_provider_ref",
        "payments",
        ["provider", "provider_ref"],
        unique=False,
        schema="payments",
    )
    op.create_index(
        "ix_payments_status",
        "payments",
        ["status", "created_at", "id"],
        unique=False,
        schema="payments",
    )
    op.create_index(
        "uq_payments_transfer_ref", "payments", ["transfer_ref"], unique=True, schema="payments"
    )


def _upgrade_provider_events() -> None:
    op.add_column(
        "provider_events", sa.Column("payment_id", sa.Uuid(), nullable=True), schema="payments"
    )
    op.create_index(
        "ix_provider_events_age",
        "provider_events",
        ["received_at"],
        unique=False,
        schema="payments",
    )
    op.create_index(
        "ix_provider_events_payment",
        "provider_events",
        ["payment_id", "received_at"],
        unique=False,
        schema="payments",
        postgresql_where=sa.text("payment_id IS NOT NULL"),
    )


def _upgrade_refunds() -> None:
    op.add_column(
        "refunds",
        sa.Column("provider", sa.Text(), server_default=sa.text("''"), nullable=False),
        schema="payments",
    )
    op.add_column("refunds", sa.Column("provider_ref", sa.Text(), nullable=True), schema="payments")
    op.add_column(
        "refunds",
        sa.Column("by_hand", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        schema="payments",
    )
    op.add_column(
        "refunds",
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        schema="payments",
    )
    op.create_index(
        "ix_refunds_by_hand",
        "refunds",
        ["created_at", "id"],
        unique=False,
        schema="payments",
        postgresql_where=sa.text("status = 'pending' AND by_hand"),
    )
    op.create_index(
        "ix_refunds_done",
        "refunds",
        ["provider", "done_at", "id"],
        unique=False,
        schema="payments",
        postgresql_where=sa.text("done_at IS NOT NULL"),
    )


def _downgrade_refunds() -> None:
    op.drop_index(
        "ix_refunds_done",
        table_name="refunds",
        schema="payments",
        postgresql_where=sa.text("done_at IS NOT NULL"),
    )
    op.drop_index(
        "ix_refunds_by_hand",
        table_name="refunds",
        schema="payments",
        postgresql_where=sa.text("status = 'pending' AND by_hand"),
    )
    op.drop_column("refunds", "done_at", schema="payments")
    op.drop_column("refunds", "by_hand", schema="payments")
    op.drop_column("refunds", "provider_ref", schema="payments")
    op.drop_column("refunds", "provider", schema="payments")


def _downgrade_provider_events() -> None:
    op.drop_index(
        "ix_provider_events_payment",
        table_name="provider_events",
        schema="payments",
        postgresql_where=sa.text("payment_id IS NOT NULL"),
    )
    op.drop_index("ix_provider_events_age", table_name="provider_events", schema="payments")
    op.drop_column("provider_events", "payment_id", schema="payments")


def _downgrade_payments() -> None:
    op.drop_index("uq_payments_transfer_ref", table_name="payments", schema="payments")
    op.drop_index("ix_payments_status", table_name="payments", schema="payments")
    op.drop_index("ix_payments_provider_ref", table_name="payments", schema="payments")
    op.drop_index("ix_payments_provider", table_name="payments", schema="payments")
    op.drop_index(
        "ix_payments_person",
        table_name="payments",
        schema="payments",
        postgresql_where=sa.text("person_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_payments_captured",
        table_name="payments",
        schema="payments",
        postgresql_where=sa.text("captured_at IS NOT NULL"),
    )
    op.drop_index(
        "ix_payments_awaiting",
        table_name="payments",
        schema="payments",
        postgresql_where=sa.text("status = 'awaiting'"),
    )
    op.drop_column("payments", "captured_at", schema="payments")
    op.drop_column("payments", "funds_until", schema="payments")
    op.drop_column("payments", "transfer_ref", schema="payments")
    op.drop_column("payments", "instructions", schema="payments")
    op.drop_column("payments", "collect", schema="payments")
    op.drop_column("payments", "person_id", schema="payments")
    op.drop_column("payments", "purpose", schema="payments")
    op.drop_column("payments", "disputed_minor", schema="payments")


def _downgrade_disbursements() -> None:
    op.drop_index(
        "ix_disbursements_paid",
        table_name="disbursements",
        schema="payments",
        postgresql_where=sa.text("paid_at IS NOT NULL"),
    )
    op.drop_column("disbursements", "paid_at", schema="payments")


def _downgrade_funds() -> None:
    op.drop_index(
        "uq_funds_payment",
        table_name="funds",
        schema="payments",
        postgresql_where=sa.text("outcome IN ('captured', 'already')"),
    )
    op.drop_table("funds", schema="payments")


def _downgrade_disputes() -> None:
    op.drop_index(
        "ix_disputes_won",
        table_name="disputes",
        schema="payments",
        postgresql_where=sa.text("status = 'won'"),
    )
    op.drop_index("ix_disputes_status", table_name="disputes", schema="payments")
    op.drop_index("ix_disputes_payment", table_name="disputes", schema="payments")
    op.drop_index("ix_disputes_opened", table_name="disputes", schema="payments")
    op.drop_index("ix_disputes_newest", table_name="disputes", schema="payments")
    op.drop_index(
        "ix_disputes_fee",
        table_name="disputes",
        schema="payments",
        postgresql_where=sa.text("fee_at IS NOT NULL"),
    )
    op.drop_table("disputes", schema="payments")


def _downgrade_vendor_accounts() -> None:
    op.drop_index(
        "ix_vendor_accounts_asked",
        table_name="vendor_accounts",
        schema="payments",
        postgresql_where=sa.text("status <> 'ready'"),
    )
    op.drop_table("vendor_accounts", schema="payments")


def _downgrade_spikes() -> None:
    op.drop_table("spikes", schema="payments")


def _downgrade_methods() -> None:
    op.drop_index("ix_methods_person", table_name="methods", schema="payments")
    op.drop_table("methods", schema="payments")


def _downgrade_customers() -> None:
    op.drop_table("customers", schema="payments")
