"""A right for webhooks: who kept them by the right to make keys goes on."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

GIVE = """
UPDATE identity.{} SET scopes = scopes || '{{vendor:webhooks}}'::text[]
 WHERE 'vendor:keys' = ANY(scopes) AND NOT 'vendor:webhooks' = ANY(scopes)
"""
TAKE = "UPDATE identity.{} SET scopes = array_remove(scopes, 'vendor:webhooks')"


def upgrade() -> None:
    for table in ("roles", "api_keys"):
        op.execute(GIVE.format(table))


def downgrade() -> None:
    for table in ("roles", "api_keys"):
        op.execute(TAKE.format(table))
