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
    _upgrade_outbox()
    _upgrade_pairs()
    _upgrade_providers()
    _upgrade_runs()
    _upgrade_differences()
    _upgrade_differences_more()
    _upgrade_files()
    _upgrade_totals()
    _upgrade_fees()


def downgrade() -> None:
    op.drop_index("ix_fees_difference", table_name="fees", schema="reconciliation")
    op.drop_table("fees", schema="reconciliation")
    op.drop_table("totals", schema="reconciliation")
    op.drop_table("files", schema="reconciliation")
    op.drop_index(
        "uq_differences_key",
        table_name="differences",
        schema="reconciliation",
        postgresql_where=sa.text("repeats IS NULL AND status <> 'settled' AND kind <> 'fee'"),
    )
    op.drop_index(
        "ix_differences_target",
        table_name="differences",
        schema="reconciliation",
        postgresql_where=sa.text("target_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_differences_status",
        table_name="differences",
        schema="reconciliation",
        postgresql_where=sa.text("repeats IS NULL"),
    )
    op.drop_index("ix_differences_run", table_name="differences", schema="reconciliation")
    op.drop_index(
        "ix_differences_movement",
        table_name="differences",
        schema="reconciliation",
        postgresql_where=sa.text("repeats IS NULL AND status <> 'settled'"),
    )
    op.drop_index(
        "ix_differences_line",
        table_name="differences",
        schema="reconciliation",
        postgresql_where=sa.text("repeats IS NULL AND status <> 'settled'"),
    )
    op.drop_index(
        "ix_differences_booking",
        table_name="differences",
        schema="reconciliation",
        postgresql_where=sa.text("status = 'booking'"),
    )
    op.drop_table("differences", schema="reconciliation")
    op.drop_index("ix_runs_started", table_name="runs", schema="reconciliation")
    op.drop_index(
        "ix_runs_running",
        table_name="runs",
        schema="reconciliation",
        postgresql_where=sa.text("status = 'running'"),
    )
    op.drop_index("ix_runs_provider", table_name="runs", schema="reconciliation")
    op.drop_table("runs", schema="reconciliation")
    op.drop_table("providers", schema="reconciliation")
    op.drop_table("pairs", schema="reconciliation")
    op.drop_table("outbox", schema="reconciliation")
    op.drop_table("inbox", schema="reconciliation")


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
        schema="reconciliation",
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
        schema="reconciliation",
    )


def _upgrade_pairs() -> None:
    op.create_table(
        "pairs",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("movement_id", sa.Uuid(), nullable=False),
        sa.Column("movement_kind", sa.Text(), nullable=False),
        sa.Column("reference", sa.Uuid(), nullable=False),
        sa.Column("provider_ref", sa.Text(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("provider", "line_id", "part", name=op.f("pk_pairs")),
        sa.UniqueConstraint(
            "provider",
            "movement_id",
            "movement_kind",
            name=op.f("uq_pairs_provider_movement_id_movement_kind"),
        ),
        schema="reconciliation",
    )


def _upgrade_providers() -> None:
    op.create_table(
        "providers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_providers")),
        schema="reconciliation",
    )


def _upgrade_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lines", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("matched", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("source IN ('report', 'file')", name=op.f("ck_runs_source")),
        sa.CheckConstraint("status IN ('running', 'done', 'failed')", name=op.f("ck_runs_status")),
        sa.CheckConstraint("since < until", name=op.f("ck_runs_period")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sa.UniqueConstraint("provider", "digest", name=op.f("uq_runs_provider_digest")),
        schema="reconciliation",
    )
    op.create_index(
        "ix_runs_provider",
        "runs",
        ["provider", "started_at", "id"],
        unique=False,
        schema="reconciliation",
    )
    op.create_index(
        "ix_runs_running",
        "runs",
        ["leased_until"],
        unique=False,
        schema="reconciliation",
        postgresql_where=sa.text("status = 'running'"),
    )
    op.create_index(
        "ix_runs_started", "runs", ["started_at", "id"], unique=False, schema="reconciliation"
    )


def _upgrade_differences() -> None:
    op.create_table(
        "differences",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("repeats", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=True),
        sa.Column("part", sa.Text(), nullable=True),
        sa.Column("movement_id", sa.Uuid(), nullable=True),
        sa.Column("movement_kind", sa.Text(), nullable=True),
        sa.Column("ours", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("theirs", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("target_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('missing_there', 'missing_here', 'amount', 'fee', 'status')",
            name=op.f("ck_differences_kind"),
        ),
        sa.CheckConstraint(
            "repeats IS NULL OR status = 'open'", name=op.f("ck_differences_repeats")
        ),
        sa.CheckConstraint(
            "status IN ('open', 'booking', 'booked', 'dismissed', 'settled')",
            name=op.f("ck_differences_status"),
        ),
        sa.CheckConstraint("minor <> 0", name=op.f("ck_differences_something")),
        sa.ForeignKeyConstraint(
            ["repeats"], ["reconciliation.differences.id"], name=op.f("fk_differences_repeats")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["reconciliation.runs.id"], name=op.f("fk_differences_run_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_differences")),
        schema="reconciliation",
    )
    op.create_index(
        "ix_differences_booking",
        "differences",
        ["decided_at"],
        unique=False,
        schema="reconciliation",
        postgresql_where=sa.text("status = 'booking'"),
    )
    op.create_index(
        "ix_differences_run",
        "differences",
        ["run_id", "number"],
        unique=False,
        schema="reconciliation",
    )


def _upgrade_differences_more() -> None:
    op.create_index(
        "ix_differences_line",
        "differences",
        ["provider", "line_id"],
        unique=False,
        schema="reconciliation",
        postgresql_where=sa.text("repeats IS NULL AND status <> 'settled'"),
    )
    op.create_index(
        "ix_differences_movement",
        "differences",
        ["provider", "movement_id"],
        unique=False,
        schema="reconciliation",
        postgresql_where=sa.text("repeats IS NULL AND status <> 'settled'"),
    )
    op.create_index(
        "ix_differences_status",
        "differences",
        ["status", "number"],
        unique=False,
        schema="reconciliation",
        postgresql_where=sa.text("repeats IS NULL"),
    )
    op.create_index(
        "ix_differences_target",
        "differences",
        ["target_id"],
        unique=False,
        schema="reconciliation",
        postgresql_where=sa.text("target_id IS NOT NULL"),
    )
    op.create_index(
        "uq_differences_key",
        "differences",
        ["provider", "key"],
        unique=True,
        schema="reconciliation",
        postgresql_where=sa.text("repeats IS NULL AND status <> 'settled' AND kind <> 'fee'"),
    )


def _upgrade_files() -> None:
    op.create_table(
        "files",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["reconciliation.runs.id"], name=op.f("fk_files_run_id")
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_files")),
        schema="reconciliation",
    )


def _upgrade_totals() -> None:
    op.create_table(
        "totals",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("ours", sa.BigInteger(), nullable=False),
        sa.Column("theirs", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["reconciliation.runs.id"], name=op.f("fk_totals_run_id")
        ),
        sa.PrimaryKeyConstraint("run_id", "currency", name=op.f("pk_totals")),
        schema="reconciliation",
    )


def _upgrade_fees() -> None:
    op.create_table(
        "fees",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("difference_id", sa.Uuid(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["difference_id"], ["reconciliation.differences.id"], name=op.f("fk_fees_difference_id")
        ),
        sa.PrimaryKeyConstraint("provider", "line_id", "part", name=op.f("pk_fees")),
        schema="reconciliation",
    )
    op.create_index(
        "ix_fees_difference", "fees", ["difference_id"], unique=False, schema="reconciliation"
    )
