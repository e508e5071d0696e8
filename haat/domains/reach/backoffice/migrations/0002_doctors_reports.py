"""Doctor's reports."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "doctor_reports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("running", sa.Boolean(), nullable=True),
        sa.Column("alive_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mended", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_doctor_reports")),
        sa.UniqueConstraint("running", name=op.f("uq_doctor_reports_running")),
        schema="backoffice",
    )
    op.create_index(
        "ix_doctor_reports_started_at",
        "doctor_reports",
        ["started_at", "id"],
        unique=False,
        schema="backoffice",
    )
    op.create_table(
        "drill_messages",
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("thread", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("times", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("place", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.PrimaryKeyConstraint("report_id", "thread", "number", name=op.f("pk_drill_messages")),
        schema="backoffice",
    )


def downgrade() -> None:
    op.drop_table("drill_messages", schema="backoffice")
    op.drop_index("ix_doctor_reports_started_at", table_name="doctor_reports", schema="backoffice")
    op.drop_table("doctor_reports", schema="backoffice")
