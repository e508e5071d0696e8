"""Mails to who is invited to a team."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "mails", sa.Column("invitation_id", sa.Uuid(), nullable=True), schema="notifications"
    )
    op.drop_constraint(op.f("ck_mails_recipient"), "mails", schema="notifications")
    op.create_check_constraint(
        op.f("ck_mails_recipient"),
        "mails",
        "coalesce(person_id, order_id, wait_id, invitation_id) IS NOT NULL",
        schema="notifications",
    )


def downgrade() -> None:
    # Who was invited is told by nobody any more: the column that says who goes.
    op.execute(
        "DELETE FROM notifications.mails WHERE coalesce(person_id, order_id, wait_id) IS NULL"
    )
    op.drop_constraint(op.f("ck_mails_recipient"), "mails", schema="notifications")
    op.create_check_constraint(
        op.f("ck_mails_recipient"),
        "mails",
        "person_id IS NOT NULL OR order_id IS NOT NULL OR wait_id IS NOT NULL",
        schema="notifications",
    )
    op.drop_column("mails", "invitation_id", schema="notifications")
