"""Signing in."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_STATES = "status IN ('pending', 'active', 'blocked')"
_STATES_BEFORE = "status IN ('active', 'blocked')"


def upgrade() -> None:
    _upgrade_authenticators()
    _upgrade_letters()
    _upgrade_passkeys()
    _upgrade_recovery_codes()
    _upgrade_sign_ins()
    _upgrade_people()
    _upgrade_sessions()


def downgrade() -> None:
    op.drop_index(
        "ix_sessions_ended_at",
        table_name="sessions",
        schema="identity",
        postgresql_where=sa.text("ended_at IS NOT NULL"),
    )
    op.drop_column("sessions", "strong", schema="identity")
    op.drop_column("sessions", "proved_at", schema="identity")
    op.drop_column("sessions", "used_at", schema="identity")
    op.drop_column("sessions", "address", schema="identity")
    op.drop_column("people", "email_verified_at", schema="identity")
    op.execute("UPDATE identity.people SET status = 'active' WHERE status = 'pending'")
    op.drop_constraint(op.f("ck_people_status"), "people", schema="identity", type_="check")
    op.create_check_constraint(
        op.f("ck_people_status"), "people", _STATES_BEFORE, schema="identity"
    )
    op.drop_index("ix_sign_ins_person_id_at_id", table_name="sign_ins", schema="identity")
    op.drop_index("ix_sign_ins_at", table_name="sign_ins", schema="identity")
    op.drop_table("sign_ins", schema="identity")
    op.drop_index("ix_recovery_codes_person_id", table_name="recovery_codes", schema="identity")
    op.drop_table("recovery_codes", schema="identity")
    op.drop_index("ix_passkeys_person_id", table_name="passkeys", schema="identity")
    op.drop_table("passkeys", schema="identity")
    op.drop_index("ix_letters_person_id", table_name="letters", schema="identity")
    op.drop_index("ix_letters_expires_at", table_name="letters", schema="identity")
    op.drop_index(
        "ix_letters_due_at",
        table_name="letters",
        schema="identity",
        postgresql_where=sa.text("sent_at IS NULL"),
    )
    op.drop_table("letters", schema="identity")
    op.drop_table("authenticators", schema="identity")


def _upgrade_authenticators() -> None:
    op.create_table(
        "authenticators",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_step", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["identity.people.id"],
            name=op.f("fk_authenticators_person_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_authenticators")),
        schema="identity",
    )


def _upgrade_letters() -> None:
    op.create_table(
        "letters",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["identity.people.id"],
            name=op.f("fk_letters_person_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letters")),
        schema="identity",
    )
    op.create_index(
        "ix_letters_due_at",
        "letters",
        ["due_at"],
        unique=False,
        schema="identity",
        postgresql_where=sa.text("sent_at IS NULL"),
    )
    op.create_index(
        "ix_letters_expires_at", "letters", ["expires_at"], unique=False, schema="identity"
    )
    op.create_index(
        "ix_letters_person_id", "letters", ["person_id"], unique=False, schema="identity"
    )


def _upgrade_passkeys() -> None:
    op.create_table(
        "passkeys",
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["identity.people.id"],
            name=op.f("fk_passkeys_person_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("credential_id", name=op.f("pk_passkeys")),
        sa.UniqueConstraint("id", name=op.f("uq_passkeys_id")),
        schema="identity",
    )
    op.create_index(
        "ix_passkeys_person_id", "passkeys", ["person_id"], unique=False, schema="identity"
    )


def _upgrade_recovery_codes() -> None:
    op.create_table(
        "recovery_codes",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["identity.people.id"],
            name=op.f("fk_recovery_codes_person_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_recovery_codes")),
        schema="identity",
    )
    op.create_index(
        "ix_recovery_codes_person_id",
        "recovery_codes",
        ["person_id"],
        unique=False,
        schema="identity",
    )


def _upgrade_sign_ins() -> None:
    op.create_table(
        "sign_ins",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["identity.people.id"],
            name=op.f("fk_sign_ins_person_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_ins")),
        schema="identity",
    )
    op.create_index("ix_sign_ins_at", "sign_ins", ["at"], unique=False, schema="identity")
    op.create_index(
        "ix_sign_ins_person_id_at_id",
        "sign_ins",
        ["person_id", "at", "id"],
        unique=False,
        schema="identity",
    )


def _upgrade_people() -> None:
    op.drop_constraint(op.f("ck_people_status"), "people", schema="identity", type_="check")
    op.create_check_constraint(op.f("ck_people_status"), "people", _STATES, schema="identity")
    op.add_column(
        "people",
        sa.Column("email_verified_at", sa.DateTime(timezone=True), nullable=True),
        schema="identity",
    )


def _upgrade_sessions() -> None:
    op.add_column(
        "sessions",
        sa.Column("address", sa.Text(), server_default=sa.text("''"), nullable=False),
        schema="identity",
    )
    op.add_column(
        "sessions",
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        schema="identity",
    )
    op.add_column(
        "sessions",
        sa.Column("proved_at", sa.DateTime(timezone=True), nullable=True),
        schema="identity",
    )
    op.add_column(
        "sessions",
        sa.Column("strong", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        schema="identity",
    )
    op.create_index(
        "ix_sessions_ended_at",
        "sessions",
        ["ended_at"],
        unique=False,
        schema="identity",
        postgresql_where=sa.text("ended_at IS NOT NULL"),
    )
