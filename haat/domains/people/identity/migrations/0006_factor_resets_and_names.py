"""Factor resets and names."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _upgrade_words()
    _upgrade_factor_resets()
    _upgrade_factor_resets_more()


def downgrade() -> None:
    op.drop_index(
        "uq_factor_resets_open",
        table_name="factor_resets",
        schema="identity",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.drop_index("ix_factor_resets_person_id", table_name="factor_resets", schema="identity")
    op.drop_index("ix_factor_resets_letter_id", table_name="factor_resets", schema="identity")
    op.drop_index(
        "ix_factor_resets_due_at",
        table_name="factor_resets",
        schema="identity",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.drop_table("factor_resets", schema="identity")
    op.drop_index("ix_words_word", table_name="words", schema="identity")
    op.drop_table("words", schema="identity")


def _upgrade_words() -> None:
    op.create_table(
        "words",
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("vendor_id", "word", name=op.f("pk_words")),
        schema="identity",
    )
    op.create_index("ix_words_word", "words", ["word"], unique=False, schema="identity")


def _upgrade_factor_resets() -> None:
    op.create_table(
        "factor_resets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("letter_id", sa.Uuid(), nullable=True),
        sa.Column("texted", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (state IN ('asked', 'approved'))",
            name=op.f("ck_factor_resets_ended"),
        ),
        sa.CheckConstraint(
            "state IN ('asked', 'approved', 'done', 'withdrawn', 'stopped')",
            name=op.f("ck_factor_resets_state"),
        ),
        sa.CheckConstraint(
            "person_id <> asked_by AND person_id <> approved_by AND asked_by <> approved_by",
            name=op.f("ck_factor_resets_hands"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["identity.people.id"],
            name=op.f("fk_factor_resets_person_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_factor_resets")),
        schema="identity",
    )
    op.create_index(
        "ix_factor_resets_due_at",
        "factor_resets",
        ["due_at"],
        unique=False,
        schema="identity",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "ix_factor_resets_letter_id",
        "factor_resets",
        ["letter_id"],
        unique=False,
        schema="identity",
    )
    op.create_index(
        "ix_factor_resets_person_id",
        "factor_resets",
        ["person_id", "asked_at"],
        unique=False,
        schema="identity",
    )


def _upgrade_factor_resets_more() -> None:
    op.create_index(
        "uq_factor_resets_open",
        "factor_resets",
        ["person_id"],
        unique=True,
        schema="identity",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
