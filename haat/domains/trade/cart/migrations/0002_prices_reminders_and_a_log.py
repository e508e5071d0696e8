"""Prices noticed, reminders and a log."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_REFUSE = """
CREATE FUNCTION cart.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END $$
"""
# Deleting is for what is old.
_GUARD = """
CREATE TRIGGER never_changed BEFORE UPDATE ON cart.actions
FOR EACH STATEMENT EXECUTE FUNCTION cart.refuse_change()
"""


def upgrade() -> None:
    op.drop_constraint(op.f("ck_carts_guests_expire"), "carts", schema="cart", type_="check")
    op.drop_index("ix_carts_expiring", table_name="carts", schema="cart")
    # People's carts begin to expire: nobody loses one on the day of the upgrade.
    op.execute(
        "UPDATE cart.carts SET expires_at = date_trunc('day', now()) + interval '30 d'"
        " WHERE expires_at IS NULL"
    )
    op.alter_column("carts", "expires_at", nullable=False, schema="cart")
    for name in ("remind_at", "reminded_at"):
        op.add_column("carts", sa.Column(name, sa.DateTime(timezone=True)), schema="cart")
    op.create_check_constraint(
        op.f("ck_carts_remind_people"),
        "carts",
        "remind_at IS NULL OR person_id IS NOT NULL",
        schema="cart",
    )
    op.create_index("ix_carts_expiring", "carts", ["expires_at"], schema="cart")
    op.create_index(
        "ix_carts_to_remind",
        "carts",
        ["remind_at"],
        schema="cart",
        postgresql_where=sa.text("remind_at IS NOT NULL"),
    )
    op.add_column("items", sa.Column("price", sa.BigInteger()), schema="cart")
    op.add_column("items", sa.Column("currency", sa.CHAR(length=3)), schema="cart")
    _upgrade_log()
    _upgrade_reminders()


def _upgrade_log() -> None:
    op.create_table(
        "actions",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("cart_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("offer_id", sa.Uuid(), nullable=True),
        sa.Column("quantity", sa.SmallInteger(), nullable=True),
        sa.Column("reference", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "what IN ('add', 'set', 'remove', 'merge', 'bought', 'expire', 'remind')",
            name=op.f("ck_actions_what"),
        ),
        sa.PrimaryKeyConstraint("cart_id", "seq", name=op.f("pk_actions")),
        schema="cart",
    )
    op.create_index("ix_actions_by_age", "actions", ["at"], schema="cart", postgresql_using="brin")
    op.execute(_REFUSE)
    op.execute(_GUARD)


def _upgrade_reminders() -> None:
    op.create_table(
        "wishes",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("reminders", sa.Boolean(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_wishes")),
        schema="cart",
    )
    op.create_table(
        "reminders",
        sa.Column("cart_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("checkout_id", sa.Uuid(), nullable=True),
        sa.Column("recovered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(checkout_id IS NULL) = (recovered_at IS NULL)", name=op.f("ck_reminders_recovered")
        ),
        sa.PrimaryKeyConstraint("cart_id", "at", name=op.f("pk_reminders")),
        schema="cart",
    )
    op.create_index("ix_reminders_by_age", "reminders", ["at"], schema="cart")


def downgrade() -> None:
    op.drop_table("reminders", schema="cart")
    op.drop_table("wishes", schema="cart")
    op.drop_table("actions", schema="cart")
    op.execute("DROP FUNCTION cart.refuse_change")
    for name in ("price", "currency"):
        op.drop_column("items", name, schema="cart")
    for name in ("ix_carts_to_remind", "ix_carts_expiring"):
        op.drop_index(name, table_name="carts", schema="cart")
    op.drop_constraint(op.f("ck_carts_remind_people"), "carts", schema="cart", type_="check")
    for name in ("remind_at", "reminded_at"):
        op.drop_column("carts", name, schema="cart")
    op.alter_column("carts", "expires_at", nullable=True, schema="cart")
    op.execute("UPDATE cart.carts SET expires_at = NULL WHERE person_id IS NOT NULL")
    op.create_index(
        "ix_carts_expiring",
        "carts",
        ["expires_at"],
        schema="cart",
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )
    op.create_check_constraint(
        op.f("ck_carts_guests_expire"),
        "carts",
        "(person_id IS NULL) = (expires_at IS NOT NULL)",
        schema="cart",
    )
