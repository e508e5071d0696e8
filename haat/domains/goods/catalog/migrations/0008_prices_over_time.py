"""Prices over time: their history, scheduled ones, the lowest before a reduction; tax classes."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_KEY = "('x' || right(replace(offer_id::text, '-', ''), 16))::bit(64)::bigint"
_NO_OVERLAP = f"""
ALTER TABLE catalog.scheduled_prices ADD CONSTRAINT ex_scheduled_prices_overlap
EXCLUDE USING gist (int8range({_KEY}, {_KEY}, '[]') WITH &&,
                    tstzrange(starts_at, ends_at) WITH &&)
"""
# Nothing is known of before: what an offer costs, it costs since its product was written last.
_FIRST_STEPS = """
INSERT INTO catalog.prices (offer_id, at, price_minor, compare_at_minor, currency)
SELECT o.id, p.updated_at, o.price_minor, o.compare_at_minor, o.currency
  FROM catalog.offers o JOIN catalog.products p ON p.id = o.product_id
"""
_REDUCED = """
UPDATE catalog.offers SET lowest_before_minor = price_minor WHERE compare_at_minor > price_minor
"""
_CARDS = """
UPDATE catalog.products p
   SET card = (p.card::jsonb
               || CASE WHEN jsonb_typeof(p.card::jsonb -> 'compareAt') = 'object'
                       THEN jsonb_build_object('lowestBefore', p.card::jsonb -> 'priceFrom')
                       ELSE '{}' END
               || jsonb_build_object('taxClass', p.tax_class))::text
 WHERE p.tax_class <> 'standard' OR jsonb_typeof(p.card::jsonb -> 'compareAt') = 'object'
"""
_CLASSES = """
INSERT INTO catalog.tax_classes (code, name, position)
VALUES ('standard', 'Standard', 0), ('reduced', 'Reduced', 1), ('zero', 'Zero', 2),
       ('exempt', 'Exempt', 3)
"""
_CLASSES_SAID = """
INSERT INTO catalog.tax_classes (code, name, position)
SELECT DISTINCT tax_class, initcap(replace(tax_class, '_', ' ')), 10 FROM catalog.products
    ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    _tables()
    op.create_index(
        "ix_scheduled_prices_open",
        "scheduled_prices",
        ["offer_id"],
        schema="catalog",
        postgresql_where=sa.text("state != 'over'"),
    )
    for name, state in (("starts_at", "waiting"), ("ends_at", "running")):
        op.create_index(
            f"ix_scheduled_prices_{name}",
            "scheduled_prices",
            [name],
            schema="catalog",
            postgresql_where=sa.text(f"state = '{state}'"),
        )
    op.execute(_NO_OVERLAP)
    op.add_column("offers", sa.Column("lowest_before_minor", sa.BigInteger()), schema="catalog")
    for statement in (_FIRST_STEPS, _REDUCED, _CARDS, _CLASSES, _CLASSES_SAID):
        op.execute(statement)


def _tables() -> None:
    op.create_table(
        "prices",
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("compare_at_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("offer_id", "at", name=op.f("pk_prices")),
        schema="catalog",
    )
    op.create_table(
        "scheduled_prices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("compare_at_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'waiting'"), nullable=False),
        sa.Column("lowest_before_minor", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("price_minor > 0", name=op.f("ck_scheduled_prices_price_minor")),
        sa.CheckConstraint(
            "compare_at_minor > 0", name=op.f("ck_scheduled_prices_compare_at_minor")
        ),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_scheduled_prices_span")),
        sa.CheckConstraint(
            "state IN ('waiting', 'running', 'over')", name=op.f("ck_scheduled_prices_state")
        ),
        sa.ForeignKeyConstraint(
            ["offer_id"], ["catalog.offers.id"], name=op.f("fk_scheduled_prices_offer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scheduled_prices")),
        schema="catalog",
    )
    op.create_table(
        "tax_classes",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_tax_classes")),
        schema="catalog",
    )


def downgrade() -> None:
    op.drop_table("tax_classes", schema="catalog")
    op.drop_column("offers", "lowest_before_minor", schema="catalog")
    op.drop_table("scheduled_prices", schema="catalog")
    op.drop_table("prices", schema="catalog")
