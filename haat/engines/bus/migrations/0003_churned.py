"""Tables that fill and empty all the time are left out where the planner's samples are taken, and
keep their pages.

Plans made while the queue was empty read it from end to end: at ten checkouts a second 1,600 pages
for each of them. Nobody looks at how it is filled now, and it never shrinks to nothing.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = ("queue", "held", "lease")


def upgrade() -> None:
    for name in TABLES:
        op.execute(
            f"ALTER TABLE bus.{name}"
            " SET (vacuum_truncate = false, autovacuum_analyze_threshold = 2000000000)"
        )


def downgrade() -> None:
    for name in TABLES:
        op.execute(f"ALTER TABLE bus.{name} RESET (vacuum_truncate, autovacuum_analyze_threshold)")
