"""Timers, and procrastinate's tables as its release 3.10 has them.

A newer procrastinate needs a revision that runs the scripts its release notes name; a fresh
database has them already, because its schema comes from the installed package.
"""

from importlib.resources import files

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "timers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("holder", sa.Uuid(), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_timers"),
        schema="scheduler",
    )
    script = (files("procrastinate.sql") / "schema.sql").read_text(encoding="utf-8")
    connection = op.get_bind()
    before = connection.scalar(sa.text("SHOW search_path"))
    connection.execute(sa.text("SET LOCAL search_path = scheduler"))
    # Past SQLAlchemy: many statements at once, with percent signs that are no parameters.
    connection.connection.cursor().execute(script)
    connection.execute(sa.text("SELECT set_config('search_path', :it, true)"), {"it": before})


def downgrade() -> None:
    op.execute("DROP SCHEMA scheduler CASCADE")
