"""Waiting for offers."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_OLD = "person_id IS NOT NULL OR order_id IS NOT NULL"


def upgrade() -> None:
    op.create_table(
        "waits",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(person_id IS NULL) <> (email IS NULL)", name=op.f("ck_waits_who")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waits")),
        schema="notifications",
    )
    for name, column in (("person", "person_id"), ("guest", "email")):
        op.create_index(
            f"ix_waits_of_{name}",
            "waits",
            ["offer_id", column],
            unique=True,
            schema="notifications",
            postgresql_where=sa.text(f"told_at IS NULL AND {column} IS NOT NULL"),
        )
    op.add_column("mails", sa.Column("wait_id", sa.Uuid()), schema="notifications")
    _recipient(f"{_OLD} OR wait_id IS NOT NULL")


def downgrade() -> None:
    op.execute("DELETE FROM notifications.mails WHERE wait_id IS NOT NULL")
    _recipient(_OLD)
    op.drop_column("mails", "wait_id", schema="notifications")
    op.drop_table("waits", schema="notifications")


def _recipient(rule: str) -> None:
    name = op.f("ck_mails_recipient")
    op.drop_constraint(name, "mails", schema="notifications", type_="check")
    op.create_check_constraint(name, "mails", rule, schema="notifications")
