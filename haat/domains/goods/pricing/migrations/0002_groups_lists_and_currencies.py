"""Groups lists and currencies."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _upgrade_currencies()
    _upgrade_currency_steps()
    _upgrade_edition()
    _upgrade_groups()
    _upgrade_lists()
    _upgrade_members()


def downgrade() -> None:
    op.drop_table("members", schema="pricing")
    op.drop_index("ix_lists_group_id", table_name="lists", schema="pricing")
    op.drop_table("lists", schema="pricing")
    op.drop_table("groups", schema="pricing")
    op.drop_table("edition", schema="pricing")
    op.drop_index("ix_currency_steps_code", table_name="currency_steps", schema="pricing")
    op.drop_table("currency_steps", schema="pricing")
    op.drop_table("currencies", schema="pricing")


def _upgrade_currencies() -> None:
    op.create_table(
        "currencies",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("rate", sa.Numeric(precision=20, scale=9), nullable=False),
        sa.Column("rounding", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("rated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "rounding IN ('minor', 'five', 'ninety_nine', 'whole')",
            name=op.f("ck_currencies_rounding"),
        ),
        sa.CheckConstraint("rate > 0", name=op.f("ck_currencies_rate")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_currencies")),
        schema="pricing",
    )


def _upgrade_currency_steps() -> None:
    op.create_table(
        "currency_steps",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("rate", sa.Numeric(precision=20, scale=9), nullable=False),
        sa.Column("rounding", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("rated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_currency_steps")),
        schema="pricing",
    )
    op.create_index(
        "ix_currency_steps_code", "currency_steps", ["code", "seq"], unique=False, schema="pricing"
    )


def _upgrade_edition() -> None:
    op.create_table(
        "edition",
        sa.Column("single", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("single", name=op.f("ck_edition_single")),
        sa.PrimaryKeyConstraint("single", name=op.f("pk_edition")),
        schema="pricing",
    )


def _upgrade_groups() -> None:
    op.create_table(
        "groups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tax_display", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "tax_display IN ('market', 'excluded')", name=op.f("ck_groups_tax_display")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_groups")),
        schema="pricing",
    )


def _upgrade_lists() -> None:
    op.create_table(
        "lists",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("entries", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_lists_span")),
        sa.ForeignKeyConstraint(
            ["group_id"], ["pricing.groups.id"], name=op.f("fk_lists_group_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lists")),
        schema="pricing",
    )
    op.create_index("ix_lists_group_id", "lists", ["group_id"], unique=False, schema="pricing")


def _upgrade_members() -> None:
    op.create_table(
        "members",
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["pricing.groups.id"],
            name=op.f("fk_members_group_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("group_id", "person_id", name=op.f("pk_members")),
        schema="pricing",
    )
