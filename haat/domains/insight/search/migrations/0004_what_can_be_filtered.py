"""Where vendors are, whether they are verified, what customers think of them, what is in stock."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("place", sa.Text(), server_default="", nullable=False),
        sa.Column("verified", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("rating_value", sa.Integer(), nullable=True),
        sa.Column("rating_count", sa.Integer(), nullable=True),
    ):
        op.add_column("vendors", column, schema="search")
    op.create_table(
        "stock",
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("in_stock", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("offer_id", name=op.f("pk_stock")),
        schema="search",
    )


def downgrade() -> None:
    op.drop_table("stock", schema="search")
    for name in ("rating_count", "rating_value", "verified", "place", "longitude", "latitude"):
        op.drop_column("vendors", name, schema="search")
