"""Custom roles, invitations, what was done to rights; places that give nothing for a while."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _upgrade_rights_changes()
    _upgrade_roles()
    _upgrade_invitations()
    _upgrade_staff_customs()
    _upgrade_memberships()
    _upgrade_people()


def downgrade() -> None:
    op.drop_index(
        "ix_people_rights_changed_at",
        table_name="people",
        schema="identity",
        postgresql_where=sa.text("rights_changed_at IS NOT NULL"),
    )
    op.drop_column("people", "rights_changed_at", schema="identity")
    op.drop_column("people", "rights", schema="identity")
    op.drop_constraint(
        op.f("fk_memberships_role_id_vendor_id"),
        "memberships",
        schema="identity",
        type_="foreignkey",
    )
    op.drop_index("ix_memberships_role_id", table_name="memberships", schema="identity")
    op.drop_constraint(op.f("ck_memberships_custom"), "memberships", schema="identity")
    op.drop_constraint(op.f("ck_memberships_role"), "memberships", schema="identity")
    # There is no older word for these: the least that there was.
    op.execute("UPDATE identity.memberships SET role = 'staff' WHERE role = 'custom'")
    op.create_check_constraint(
        op.f("ck_memberships_role"),
        "memberships",
        "role IN ('owner', 'admin', 'manager', 'staff')",
        schema="identity",
    )
    op.drop_column("memberships", "active", schema="identity")
    op.drop_column("memberships", "role_id", schema="identity")
    op.drop_index("ix_staff_customs_role_id", table_name="staff_customs", schema="identity")
    op.drop_table("staff_customs", schema="identity")
    op.drop_index(
        "uq_invitations_open",
        table_name="invitations",
        schema="identity",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.drop_index(
        "ix_invitations_vendor_id_created_at", table_name="invitations", schema="identity"
    )
    op.drop_index("ix_invitations_role_id", table_name="invitations", schema="identity")
    op.drop_index("ix_invitations_expires_at", table_name="invitations", schema="identity")
    op.drop_table("invitations", schema="identity")
    op.drop_index(
        "uq_roles_name_key",
        table_name="roles",
        schema="identity",
        postgresql_nulls_not_distinct=True,
    )
    op.drop_table("roles", schema="identity")
    op.drop_index("ix_rights_changes_vendor_id", table_name="rights_changes", schema="identity")
    op.drop_index("ix_rights_changes_at_id", table_name="rights_changes", schema="identity")
    op.drop_table("rights_changes", schema="identity")


def _upgrade_rights_changes() -> None:
    op.create_table(
        "rights_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("vendor_id", sa.Uuid(), nullable=True),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rights_changes")),
        schema="identity",
    )
    op.create_index(
        "ix_rights_changes_at_id", "rights_changes", ["at", "id"], unique=False, schema="identity"
    )
    op.create_index(
        "ix_rights_changes_vendor_id",
        "rights_changes",
        ["vendor_id", "at", "id"],
        unique=False,
        schema="identity",
    )


def _upgrade_roles() -> None:
    op.create_table(
        "roles",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roles")),
        sa.UniqueConstraint("id", "vendor_id", name=op.f("uq_roles_id_vendor_id")),
        schema="identity",
    )
    op.create_index(
        "uq_roles_name_key",
        "roles",
        ["vendor_id", "name_key"],
        unique=True,
        schema="identity",
        postgresql_nulls_not_distinct=True,
    )


def _upgrade_invitations() -> None:
    op.create_table(
        "invitations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("role_id", sa.Uuid(), nullable=True),
        sa.Column("invited_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(role = 'custom') = (role_id IS NOT NULL)", name=op.f("ck_invitations_custom")
        ),
        sa.CheckConstraint(
            "role IN ('admin', 'manager', 'staff', 'custom')", name=op.f("ck_invitations_role")
        ),
        sa.ForeignKeyConstraint(
            ["role_id", "vendor_id"],
            ["identity.roles.id", "identity.roles.vendor_id"],
            name=op.f("fk_invitations_role_id_vendor_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        schema="identity",
    )
    op.create_index(
        "ix_invitations_expires_at", "invitations", ["expires_at"], unique=False, schema="identity"
    )
    op.create_index(
        "ix_invitations_role_id", "invitations", ["role_id"], unique=False, schema="identity"
    )
    op.create_index(
        "ix_invitations_vendor_id_created_at",
        "invitations",
        ["vendor_id", "created_at"],
        unique=False,
        schema="identity",
    )
    op.create_index(
        "uq_invitations_open",
        "invitations",
        ["vendor_id", "email"],
        unique=True,
        schema="identity",
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def _upgrade_staff_customs() -> None:
    op.create_table(
        "staff_customs",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("role_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["identity.people.id"],
            name=op.f("fk_staff_customs_person_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["role_id"], ["identity.roles.id"], name=op.f("fk_staff_customs_role_id")
        ),
        sa.PrimaryKeyConstraint("person_id", "role_id", name=op.f("pk_staff_customs")),
        schema="identity",
    )
    op.create_index(
        "ix_staff_customs_role_id", "staff_customs", ["role_id"], unique=False, schema="identity"
    )


def _upgrade_memberships() -> None:
    op.add_column("memberships", sa.Column("role_id", sa.Uuid(), nullable=True), schema="identity")
    op.add_column(
        "memberships",
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        schema="identity",
    )
    op.drop_constraint(op.f("ck_memberships_role"), "memberships", schema="identity")
    op.create_check_constraint(
        op.f("ck_memberships_role"),
        "memberships",
        "role IN ('owner', 'admin', 'manager', 'staff', 'custom')",
        schema="identity",
    )
    op.create_check_constraint(
        op.f("ck_memberships_custom"),
        "memberships",
        "(role = 'custom') = (role_id IS NOT NULL)",
        schema="identity",
    )
    op.create_index(
        "ix_memberships_role_id", "memberships", ["role_id"], unique=False, schema="identity"
    )
    op.create_foreign_key(
        op.f("fk_memberships_role_id_vendor_id"),
        "memberships",
        "roles",
        ["role_id", "vendor_id"],
        ["id", "vendor_id"],
        source_schema="identity",
        referent_schema="identity",
    )


def _upgrade_people() -> None:
    op.add_column(
        "people",
        sa.Column("rights", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        schema="identity",
    )
    op.add_column(
        "people",
        sa.Column("rights_changed_at", sa.DateTime(timezone=True), nullable=True),
        schema="identity",
    )
    op.create_index(
        "ix_people_rights_changed_at",
        "people",
        ["rights_changed_at"],
        unique=False,
        schema="identity",
        postgresql_where=sa.text("rights_changed_at IS NOT NULL"),
    )
