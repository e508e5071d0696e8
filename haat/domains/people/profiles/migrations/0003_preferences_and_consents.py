"""Preferences and consents."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "consents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
        sa.UniqueConstraint("seq", name=op.f("uq_consents_seq")),
        schema="profiles",
    )
    op.create_index(
        "ix_consents_person_id_seq",
        "consents",
        ["person_id", sa.literal_column("seq DESC")],
        unique=False,
        schema="profiles",
    )
    op.add_column(
        "addresses",
        sa.Column("label", sa.Text(), server_default=sa.text("''"), nullable=False),
        schema="profiles",
    )
    op.add_column("profiles", sa.Column("born_on", sa.Date(), nullable=True), schema="profiles")
    op.add_column("profiles", sa.Column("avatar_id", sa.Uuid(), nullable=True), schema="profiles")
    op.add_column(
        "profiles",
        sa.Column("marketing", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        schema="profiles",
    )
    op.add_column(
        "profiles",
        sa.Column("currency", sa.Text(), server_default=sa.text("''"), nullable=False),
        schema="profiles",
    )
    op.add_column(
        "profiles",
        sa.Column("country", sa.Text(), server_default=sa.text("''"), nullable=False),
        schema="profiles",
    )
    op.add_column(
        "profiles",
        sa.Column("order_mail", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        schema="profiles",
    )
    op.add_column(
        "profiles",
        sa.Column("interests", sa.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False),
        schema="profiles",
    )


def downgrade() -> None:
    op.drop_column("profiles", "interests", schema="profiles")
    op.drop_column("profiles", "order_mail", schema="profiles")
    op.drop_column("profiles", "country", schema="profiles")
    op.drop_column("profiles", "currency", schema="profiles")
    op.drop_column("profiles", "marketing", schema="profiles")
    op.drop_column("profiles", "avatar_id", schema="profiles")
    op.drop_column("profiles", "born_on", schema="profiles")
    op.drop_column("addresses", "label", schema="profiles")
    op.drop_index("ix_consents_person_id_seq", table_name="consents", schema="profiles")
    op.drop_table("consents", schema="profiles")
