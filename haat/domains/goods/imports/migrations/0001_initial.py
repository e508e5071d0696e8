"""Initial."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _upgrade_inbox()
    _upgrade_mappings()
    _upgrade_outbox()
    _upgrade_runs()
    _upgrade_findings()


def downgrade() -> None:
    op.drop_table("findings", schema="imports")
    op.drop_index("ix_runs_own", table_name="runs", schema="imports")
    op.drop_index(
        "ix_runs_due",
        table_name="runs",
        schema="imports",
        postgresql_where=sa.text("state IN ('waiting', 'running')"),
    )
    op.drop_index("ix_runs_created_at", table_name="runs", schema="imports")
    op.drop_table("runs", schema="imports")
    op.drop_table("outbox", schema="imports")
    op.drop_index("ix_mappings_signature", table_name="mappings", schema="imports")
    op.drop_table("mappings", schema="imports")
    op.drop_table("inbox", schema="imports")


def _upgrade_inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("subscriber", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column(
            "handled_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("subscriber", "event_id", name=op.f("pk_inbox")),
        schema="imports",
    )


def _upgrade_mappings() -> None:
    op.create_table(
        "mappings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("mapping", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mappings")),
        sa.UniqueConstraint("vendor_id", "name", name=op.f("uq_mappings_vendor_id_name")),
        schema="imports",
    )
    op.create_index(
        "ix_mappings_signature",
        "mappings",
        ["vendor_id", "signature"],
        unique=False,
        schema="imports",
    )


def _upgrade_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("envelope", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox")),
        schema="imports",
    )


def _upgrade_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("parts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("format", sa.Text(), nullable=True),
        sa.Column("header", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("mapping", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("dry_run", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("round", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("after_line", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_done", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("updated", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("unchanged", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("refused", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("noted", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("correction_parts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('receiving', 'ready', 'waiting', 'running', 'done', 'stopped', 'failed')",
            name=op.f("ck_runs_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        schema="imports",
    )
    op.create_index("ix_runs_created_at", "runs", ["created_at"], unique=False, schema="imports")
    op.create_index(
        "ix_runs_due",
        "runs",
        ["started_at"],
        unique=False,
        schema="imports",
        postgresql_where=sa.text("state IN ('waiting', 'running')"),
    )
    op.create_index(
        "ix_runs_own", "runs", ["vendor_id", "created_at", "id"], unique=False, schema="imports"
    )


def _upgrade_findings() -> None:
    op.create_table(
        "findings",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("column_name", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("refused", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["imports.runs.id"], name=op.f("fk_findings_run_id")),
        sa.PrimaryKeyConstraint("run_id", "round", "line", "place", name=op.f("pk_findings")),
        schema="imports",
    )
