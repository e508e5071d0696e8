"""Changes asked for, notes, and what is approved without a look."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_BEFORE = "status IN ('draft', 'pending', 'active', 'rejected', 'archived')"
_AFTER = "status IN ('draft', 'pending', 'active', 'rejected', 'archived', 'changes_requested')"


def _states(condition: str) -> None:
    op.drop_constraint(op.f("ck_products_status"), "products", schema="catalog", type_="check")
    op.create_check_constraint(op.f("ck_products_status"), "products", condition, schema="catalog")


def upgrade() -> None:
    _states(_AFTER)
    op.create_table(
        "notes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("external", sa.Boolean(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint("by IN ('vendor', 'staff')", name=op.f("ck_notes_by")),
        sa.ForeignKeyConstraint(
            ["product_id"], ["catalog.products.id"], name=op.f("fk_notes_product_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notes")),
        schema="catalog",
    )
    op.create_index("ix_notes_product_id", "notes", ["product_id", "at"], schema="catalog")
    op.create_table(
        "approval_rules",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=True),
        sa.Column("category_id", sa.Uuid(), nullable=True),
        sa.Column("price_min", sa.BigInteger(), nullable=True),
        sa.Column("price_max", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["category_id"], ["catalog.categories.id"], name=op.f("fk_approval_rules_category_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval_rules")),
        schema="catalog",
    )


def downgrade() -> None:
    op.drop_table("approval_rules", schema="catalog")
    op.drop_table("notes", schema="catalog")
    op.execute("UPDATE catalog.products SET status = 'rejected' WHERE status = 'changes_requested'")
    _states(_BEFORE)
