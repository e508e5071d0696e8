"""Initial."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dead",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("subscriber", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("pos", sa.BigInteger(), nullable=False),
        sa.Column("partition", sa.SmallInteger(), nullable=False),
        sa.Column("envelope", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dead"),
        sa.UniqueConstraint("subscriber", "event_id", name="uq_dead_subscriber_event_id"),
        schema="bus",
    )
    op.create_index(
        "ix_dead_subscriber_key", "dead", ["subscriber", "key"], unique=False, schema="bus"
    )
    op.create_table(
        "held",
        sa.Column("subscriber", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("parked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("subscriber", "key", name="pk_held"),
        schema="bus",
    )
    op.create_table(
        "lease",
        sa.Column("subscriber", sa.Text(), nullable=False),
        sa.Column("partition", sa.SmallInteger(), nullable=False),
        sa.Column("holder", sa.Uuid(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subscriber", "partition", name="pk_lease"),
        schema="bus",
    )
    op.create_table(
        "queue",
        sa.Column("pos", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("subscriber", sa.Text(), nullable=False),
        sa.Column("partition", sa.SmallInteger(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("envelope", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "queued_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("subscriber", "pos", name="pk_queue"),
        sa.UniqueConstraint("subscriber", "event_id", name="uq_queue_subscriber_event_id"),
        schema="bus",
    )


def downgrade() -> None:
    op.drop_table("queue", schema="bus")
    op.drop_table("lease", schema="bus")
    op.drop_table("held", schema="bus")
    op.drop_index("ix_dead_subscriber_key", table_name="dead", schema="bus")
    op.drop_table("dead", schema="bus")
