"""Hours, places, contact and policies of vendors; absence and closure."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _upgrade_places()
    _upgrade_vendors()
    _upgrade_vendors_more()
    _check("status IN ('pending', 'active', 'suspended', 'rejected', 'closing', 'closed')")
    op.create_check_constraint(
        op.f("ck_vendors_away"), "vendors", "away_from IS NOT NULL OR NOT away_on", schema="vendors"
    )


def _check(status: str) -> None:
    op.drop_constraint(op.f("ck_vendors_status"), "vendors", schema="vendors")
    op.create_check_constraint(op.f("ck_vendors_status"), "vendors", status, schema="vendors")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_vendors_away"), "vendors", schema="vendors")
    # What closes sells nothing, and so it is.
    op.execute(
        "UPDATE vendors.vendors SET status = 'suspended' WHERE status IN ('closing', 'closed')"
    )
    _check("status IN ('pending', 'active', 'suspended', 'rejected')")
    op.drop_index(
        "ix_vendors_closing",
        table_name="vendors",
        schema="vendors",
        postgresql_where=sa.text("status = 'closing'"),
    )
    op.drop_index(
        "ix_vendors_away_until",
        table_name="vendors",
        schema="vendors",
        postgresql_where=sa.text("away_until IS NOT NULL"),
    )
    op.drop_index(
        "ix_vendors_away_from",
        table_name="vendors",
        schema="vendors",
        postgresql_where=sa.text("away_from IS NOT NULL AND NOT away_on"),
    )
    op.drop_column("vendors", "closing_at", schema="vendors")
    op.drop_column("vendors", "away_on", schema="vendors")
    op.drop_column("vendors", "away_hidden", schema="vendors")
    op.drop_column("vendors", "away_message", schema="vendors")
    op.drop_column("vendors", "away_until", schema="vendors")
    op.drop_column("vendors", "away_from", schema="vendors")
    op.drop_column("vendors", "preferences", schema="vendors")
    op.drop_column("vendors", "policies", schema="vendors")
    op.drop_column("vendors", "hours", schema="vendors")
    op.drop_column("vendors", "support_phone", schema="vendors")
    op.drop_column("vendors", "support_email", schema="vendors")
    op.drop_index("ix_places_vendor", table_name="places", schema="vendors")
    op.drop_table("places", schema="vendors")


def _upgrade_places() -> None:
    op.create_table(
        "places",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("line1", sa.Text(), nullable=False),
        sa.Column("postal_code", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('shop', 'pickup', 'returns', 'office')", name=op.f("ck_places_kind")
        ),
        sa.CheckConstraint(
            "(latitude IS NULL) = (longitude IS NULL)", name=op.f("ck_places_position")
        ),
        sa.ForeignKeyConstraint(
            ["vendor_id"], ["vendors.vendors.id"], name=op.f("fk_places_vendor_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_places")),
        schema="vendors",
    )
    op.create_index(
        "ix_places_vendor",
        "places",
        ["vendor_id", "created_at", "id"],
        unique=False,
        schema="vendors",
    )


def _upgrade_vendors() -> None:
    op.add_column(
        "vendors",
        sa.Column("support_email", sa.Text(), server_default="", nullable=False),
        schema="vendors",
    )
    op.add_column(
        "vendors",
        sa.Column("support_phone", sa.Text(), server_default="", nullable=False),
        schema="vendors",
    )
    op.add_column(
        "vendors",
        sa.Column("hours", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        schema="vendors",
    )
    op.add_column(
        "vendors",
        sa.Column(
            "policies",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        schema="vendors",
    )
    op.add_column(
        "vendors",
        sa.Column(
            "preferences",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        schema="vendors",
    )
    op.add_column(
        "vendors",
        sa.Column("away_from", sa.DateTime(timezone=True), nullable=True),
        schema="vendors",
    )
    op.add_column(
        "vendors",
        sa.Column("away_until", sa.DateTime(timezone=True), nullable=True),
        schema="vendors",
    )
    op.add_column(
        "vendors",
        sa.Column("away_message", sa.Text(), server_default="", nullable=False),
        schema="vendors",
    )
    op.add_column(
        "vendors",
        sa.Column("away_hidden", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        schema="vendors",
    )
    op.add_column(
        "vendors",
        sa.Column("away_on", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        schema="vendors",
    )


def _upgrade_vendors_more() -> None:
    op.add_column(
        "vendors",
        sa.Column("closing_at", sa.DateTime(timezone=True), nullable=True),
        schema="vendors",
    )
    op.create_index(
        "ix_vendors_away_from",
        "vendors",
        ["away_from"],
        unique=False,
        schema="vendors",
        postgresql_where=sa.text("away_from IS NOT NULL AND NOT away_on"),
    )
    op.create_index(
        "ix_vendors_away_until",
        "vendors",
        ["away_until"],
        unique=False,
        schema="vendors",
        postgresql_where=sa.text("away_until IS NOT NULL"),
    )
    op.create_index(
        "ix_vendors_closing",
        "vendors",
        ["id"],
        unique=False,
        schema="vendors",
        postgresql_where=sa.text("status = 'closing'"),
    )
