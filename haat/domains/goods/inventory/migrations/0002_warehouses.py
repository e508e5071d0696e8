"""Warehouses."""

from uuid import uuid5

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_REASONS = (
    "reason IN ('set', 'correction', 'import', 'received', 'damaged', 'lost', 'transfer',"
    " 'sale', 'return', 'reject', 'cancel')"
)
_OLD_REASONS = "reason IN ('set', 'correction', 'import', 'sale', 'return', 'reject', 'cancel')"
_LINES = "cardinality(offers) = cardinality(quantities)"
_NAMES = (
    ("pk_stock", "pk_offers"),
    ("ck_stock_low_at", "ck_offers_low_at"),
)
_INDEXES = ("by_vendor", "by_product", "watched")
# What there was lay in the vendor's one warehouse, as did everything that moved.
_KEPT = """
INSERT INTO inventory.stock (offer_id, warehouse_id, on_hand, reserved, updated_at)
SELECT o.offer_id, w.id, o.on_hand, o.reserved, o.updated_at
  FROM inventory.offers o JOIN inventory.warehouses w ON w.vendor_id = o.vendor_id
"""
_HELD = """
UPDATE inventory.reservations r
   SET warehouses = (
       SELECT coalesce(array_agg(coalesce(w.id, l.offer_id) ORDER BY l.place), '{}')
         FROM unnest(r.offers) WITH ORDINALITY AS l (offer_id, place)
         LEFT JOIN inventory.offers o ON o.offer_id = l.offer_id
         LEFT JOIN inventory.warehouses w ON w.vendor_id = o.vendor_id)
 WHERE cardinality(offers) > 0
"""
_MOVED = """
UPDATE inventory.movements m SET warehouse_id = w.id
  FROM inventory.offers o JOIN inventory.warehouses w ON w.vendor_id = o.vendor_id
 WHERE o.offer_id = m.offer_id
"""
_REFUSE = """
CREATE FUNCTION inventory.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation';
END $$
"""
_GUARD = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON inventory.movements
FOR EACH STATEMENT EXECUTE FUNCTION inventory.refuse_change()
"""
_GUARD_ALL = """
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON inventory.movements
FOR EACH STATEMENT EXECUTE FUNCTION inventory.refuse_change()
"""


def upgrade() -> None:
    _upgrade_offers()
    _upgrade_warehouses()
    _upgrade_stock()
    _upgrade_reservations()
    _upgrade_movements()
    op.create_table(
        "watched",
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["offer_id"], ["inventory.offers.offer_id"], name=op.f("fk_watched_offer_id")
        ),
        sa.PrimaryKeyConstraint("offer_id", name=op.f("pk_watched")),
        schema="inventory",
    )


def _upgrade_offers() -> None:
    """The rows of before, but for their counts, which move into the new table of stock."""
    op.drop_constraint(
        op.f("ck_stock_reserved_on_hand"), "stock", schema="inventory", type_="check"
    )
    op.rename_table("stock", "offers", schema="inventory")
    for old, new in _NAMES:
        op.execute(f"ALTER TABLE inventory.offers RENAME CONSTRAINT {old} TO {new}")
    for name in _INDEXES:
        op.execute(f"ALTER INDEX inventory.ix_stock_{name} RENAME TO ix_offers_{name}")
    op.add_column(
        "offers",
        sa.Column("safety", sa.Integer(), server_default=sa.text("0"), nullable=False),
        schema="inventory",
    )
    op.create_check_constraint(
        op.f("ck_offers_safety"), "offers", "safety >= 0", schema="inventory"
    )


def _upgrade_warehouses() -> None:
    op.create_table(
        "warehouses",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), server_default=sa.text("100"), nullable=False),
        sa.Column("countries", sa.ARRAY(sa.CHAR(length=2)), nullable=False),
        sa.Column("address", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("pickup", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("pickup_note", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "NOT (is_default AND closed_at IS NOT NULL)", name=op.f("ck_warehouses_default_open")
        ),
        sa.CheckConstraint(
            "NOT pickup OR address IS NOT NULL", name=op.f("ck_warehouses_pickup_somewhere")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_warehouses")),
        schema="inventory",
    )
    op.create_index(
        "ix_warehouses_of_vendor", "warehouses", ["vendor_id", "created_at"], schema="inventory"
    )
    op.create_index(
        "ix_warehouses_default",
        "warehouses",
        ["vendor_id"],
        unique=True,
        schema="inventory",
        postgresql_where=sa.text("is_default"),
    )
    connection = op.get_bind()
    vendors = connection.execute(sa.text("SELECT DISTINCT vendor_id FROM inventory.offers"))
    made = [{"id": uuid5(row[0], "warehouse"), "vendor": row[0]} for row in vendors]
    if made:
        connection.execute(
            sa.text(
                "INSERT INTO inventory.warehouses (id, vendor_id, name, is_default, countries,"
                " created_at) VALUES (:id, :vendor, 'Main warehouse', true, '{}', now())"
            ),
            made,
        )


def _upgrade_stock() -> None:
    op.create_table(
        "stock",
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("warehouse_id", sa.Uuid(), nullable=False),
        sa.Column("on_hand", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("reserved", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "0 <= reserved AND reserved <= on_hand", name=op.f("ck_stock_reserved_on_hand")
        ),
        sa.ForeignKeyConstraint(
            ["offer_id"], ["inventory.offers.offer_id"], name=op.f("fk_stock_offer_id")
        ),
        sa.ForeignKeyConstraint(
            ["warehouse_id"], ["inventory.warehouses.id"], name=op.f("fk_stock_warehouse_id")
        ),
        sa.PrimaryKeyConstraint("offer_id", "warehouse_id", name=op.f("pk_stock")),
        schema="inventory",
    )
    op.create_index("ix_stock_in_warehouse", "stock", ["warehouse_id"], schema="inventory")
    op.execute(_KEPT)
    op.drop_column("offers", "on_hand", schema="inventory")
    op.drop_column("offers", "reserved", schema="inventory")


def _upgrade_reservations() -> None:
    op.add_column(
        "reservations",
        sa.Column(
            "warehouses", sa.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False
        ),
        schema="inventory",
    )
    op.drop_constraint(
        op.f("ck_reservations_lines"), "reservations", schema="inventory", type_="check"
    )
    op.execute(_HELD)
    op.alter_column("reservations", "warehouses", server_default=None, schema="inventory")
    op.create_check_constraint(
        op.f("ck_reservations_lines"),
        "reservations",
        f"{_LINES} AND cardinality(offers) = cardinality(warehouses)",
        schema="inventory",
    )


def _upgrade_movements() -> None:
    op.drop_constraint(op.f("fk_movements_offer_id"), "movements", schema="inventory")
    op.drop_constraint(op.f("ck_movements_reason"), "movements", schema="inventory", type_="check")
    op.create_check_constraint(
        op.f("ck_movements_reason"), "movements", _REASONS, schema="inventory"
    )
    op.add_column("movements", sa.Column("warehouse_id", sa.Uuid()), schema="inventory")
    op.add_column(
        "movements",
        sa.Column("actor", sa.Text(), server_default=sa.text("'system'"), nullable=False),
        schema="inventory",
    )
    op.add_column("movements", sa.Column("actor_id", sa.Uuid()), schema="inventory")
    op.execute(_MOVED)
    op.alter_column("movements", "warehouse_id", nullable=False, schema="inventory")
    op.alter_column("movements", "actor", server_default=None, schema="inventory")
    op.create_check_constraint(
        op.f("ck_movements_actor"),
        "movements",
        "actor IN ('person', 'guest', 'system')",
        schema="inventory",
    )
    op.execute(_REFUSE)
    op.execute(_GUARD)
    op.execute(_GUARD_ALL)


def downgrade() -> None:
    """What lies in several warehouses is added up; what only warehouses know is lost."""
    op.execute("DROP TRIGGER append_only ON inventory.movements")
    op.execute("DROP TRIGGER never_emptied ON inventory.movements")
    op.execute("DROP FUNCTION inventory.refuse_change")
    op.drop_table("watched", schema="inventory")
    op.execute("UPDATE inventory.movements SET reason = 'set' WHERE reason IN ('received')")
    op.execute(
        "UPDATE inventory.movements SET reason = 'correction'"
        " WHERE reason IN ('damaged', 'lost', 'transfer')"
    )
    for name in ("ck_movements_actor", "ck_movements_reason"):
        op.drop_constraint(op.f(name), "movements", schema="inventory", type_="check")
    for name in ("warehouse_id", "actor", "actor_id"):
        op.drop_column("movements", name, schema="inventory")
    op.create_check_constraint(
        op.f("ck_movements_reason"), "movements", _OLD_REASONS, schema="inventory"
    )
    op.drop_constraint(
        op.f("ck_reservations_lines"), "reservations", schema="inventory", type_="check"
    )
    op.drop_column("reservations", "warehouses", schema="inventory")
    op.create_check_constraint(
        op.f("ck_reservations_lines"), "reservations", _LINES, schema="inventory"
    )
    _downgrade_stock()
    op.create_foreign_key(
        op.f("fk_movements_offer_id"),
        "movements",
        "stock",
        ["offer_id"],
        ["offer_id"],
        source_schema="inventory",
        referent_schema="inventory",
    )


def _downgrade_stock() -> None:
    for name in ("on_hand", "reserved"):
        op.add_column(
            "offers",
            sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False),
            schema="inventory",
        )
    op.execute(
        "UPDATE inventory.offers o SET on_hand = s.on_hand, reserved = s.reserved"
        "  FROM (SELECT offer_id, sum(on_hand) AS on_hand, sum(reserved) AS reserved"
        "          FROM inventory.stock GROUP BY offer_id) s"
        " WHERE s.offer_id = o.offer_id"
    )
    op.drop_table("stock", schema="inventory")
    op.drop_table("warehouses", schema="inventory")
    op.drop_constraint(op.f("ck_offers_safety"), "offers", schema="inventory", type_="check")
    op.drop_column("offers", "safety", schema="inventory")
    for name in _INDEXES:
        op.execute(f"ALTER INDEX inventory.ix_offers_{name} RENAME TO ix_stock_{name}")
    for old, new in _NAMES:
        op.execute(f"ALTER TABLE inventory.offers RENAME CONSTRAINT {new} TO {old}")
    op.rename_table("offers", "stock", schema="inventory")
    op.create_check_constraint(
        op.f("ck_stock_reserved_on_hand"),
        "stock",
        "0 <= reserved AND reserved <= on_hand",
        schema="inventory",
    )
