"""A right for webhooks: who kept them by the right to make keys goes on."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("roles", "api_keys"):
        op.execute(
            f"UPDATE identity.{table} SET scopes = scopes || '{{vendor:webhooks}}'::text[]"  # noqa: S608
            " WHERE 'vendor:keys' = ANY(scopes) AND NOT 'vendor:webhooks' = ANY(scopes)"
        )


def downgrade() -> None:
    for table in ("roles", "api_keys"):
        op.execute(
            f"UPDATE identity.{table} SET scopes = array_remove(scopes, 'vendor:webhooks')"  # noqa: S608
        )
