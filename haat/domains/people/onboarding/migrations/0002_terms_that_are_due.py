"""Terms that are due."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "acceptances",
        sa.Column("told", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        schema="onboarding",
    )
    op.create_index(
        "ix_acceptances_untold",
        "acceptances",
        ["vendor_id", "version"],
        unique=False,
        schema="onboarding",
        postgresql_where=sa.text("NOT told"),
    )
    op.add_column(
        "applications",
        sa.Column("terms_needed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        schema="onboarding",
    )
    op.add_column(
        "applications",
        sa.Column("terms_reminded", sa.Integer(), server_default=sa.text("0"), nullable=False),
        schema="onboarding",
    )
    op.create_index(
        "ix_applications_terms_needed",
        "applications",
        ["terms_needed"],
        unique=False,
        schema="onboarding",
        postgresql_where=sa.text("stage = 'approved'"),
    )
    op.create_index(
        "ix_applications_terms_reminded",
        "applications",
        ["terms_reminded"],
        unique=False,
        schema="onboarding",
        postgresql_where=sa.text("stage = 'approved'"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_applications_terms_reminded",
        table_name="applications",
        schema="onboarding",
        postgresql_where=sa.text("stage = 'approved'"),
    )
    op.drop_index(
        "ix_applications_terms_needed",
        table_name="applications",
        schema="onboarding",
        postgresql_where=sa.text("stage = 'approved'"),
    )
    op.drop_column("applications", "terms_reminded", schema="onboarding")
    op.drop_column("applications", "terms_needed", schema="onboarding")
    op.drop_index(
        "ix_acceptances_untold",
        table_name="acceptances",
        schema="onboarding",
        postgresql_where=sa.text("NOT told"),
    )
    op.drop_column("acceptances", "told", schema="onboarding")
