"""Where a vendor is, whether its papers were looked at, and what customers think of it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("vendors", sa.Column("latitude", sa.Double(), nullable=True), schema="vendors")
    op.add_column("vendors", sa.Column("longitude", sa.Double(), nullable=True), schema="vendors")
    op.add_column(
        "vendors",
        sa.Column("place", sa.Text(), server_default="", nullable=False),
        schema="vendors",
    )
    op.add_column(
        "vendors",
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        schema="vendors",
    )
    op.add_column(
        "vendors", sa.Column("rating_value", sa.Integer(), nullable=True), schema="vendors"
    )
    op.add_column(
        "vendors", sa.Column("rating_count", sa.Integer(), nullable=True), schema="vendors"
    )
    op.add_column(
        "vendors",
        sa.Column("rating_version", sa.BigInteger(), server_default="0", nullable=False),
        schema="vendors",
    )
    op.create_check_constraint(
        op.f("ck_vendors_location"),
        "vendors",
        "(latitude IS NULL) = (longitude IS NULL)",
        schema="vendors",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_vendors_location"), "vendors", schema="vendors")
    op.drop_column("vendors", "rating_version", schema="vendors")
    op.drop_column("vendors", "rating_count", schema="vendors")
    op.drop_column("vendors", "rating_value", schema="vendors")
    op.drop_column("vendors", "verified_at", schema="vendors")
    op.drop_column("vendors", "place", schema="vendors")
    op.drop_column("vendors", "longitude", schema="vendors")
    op.drop_column("vendors", "latitude", schema="vendors")
