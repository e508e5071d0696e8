"""Specifications of products by templates of categories, what search engines are told, icons."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_DOCUMENTS = (
    ("products", "seo", "'{}'"),
    ("products", "specs", "'{}'"),
    ("categories", "template", "'[]'"),
)


def upgrade() -> None:
    for table, name, empty in _DOCUMENTS:
        kind = postgresql.JSONB(astext_type=sa.Text())
        column = sa.Column(name, kind, server_default=sa.text(empty), nullable=False)
        op.add_column(table, column, schema="catalog")
    op.add_column("categories", sa.Column("icon", sa.Text(), nullable=True), schema="catalog")
    op.add_column(
        "categories",
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        schema="catalog",
    )


def downgrade() -> None:
    op.drop_column("categories", "active", schema="catalog")
    op.drop_column("categories", "icon", schema="catalog")
    for table, name, _ in reversed(_DOCUMENTS):
        op.drop_column(table, name, schema="catalog")
