"""What meaning weighs in the ranking; synonyms that hold in one direction; the first ones reviewed.

A notebook is of paper as often as not, a tap, a tee and a jumper are other things as well, and a
rice cooker is no stove: who looks for the first word of these finds the second, but not the other
way round. Groups that staff changed stay as they are.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_BEFORE = (
    "laptop|notebook|laptop computer",
    "t shirt|tee|tshirt",
    "jumper|sweater|pullover",
    "tap|faucet",
    "cooker|stove",
)
_BOTH_WAYS = (
    "laptop|laptop computer|notebook computer|notebook pc",
    "t shirt|tshirt|tee shirt",
    "sweater|pullover",
    "faucet|water tap",
    "gas stove|gas cooker",
)
_ONE_WAY = ("laptop|notebook", "tee shirt|tee", "sweater|jumper", "faucet|tap", "stove|cooker")


def upgrade() -> None:
    op.add_column(
        "synonyms",
        sa.Column("one_way", sa.Boolean(), server_default="false", nullable=False),
        schema="search",
    )
    op.add_column(
        "ranking",
        sa.Column("meaning", sa.Integer(), server_default="0", nullable=False),
        schema="search",
    )
    _replace(_BEFORE, [(one, False) for one in _BOTH_WAYS] + [(one, True) for one in _ONE_WAY])


def downgrade() -> None:
    op.execute("DELETE FROM search.synonyms WHERE one_way")
    op.drop_column("ranking", "meaning", schema="search")
    op.drop_column("synonyms", "one_way", schema="search")


def _replace(old: tuple[str, ...], new: list[tuple[str, bool]]) -> None:
    table = sa.table(
        "synonyms",
        sa.column("id", sa.Uuid()),
        sa.column("words", sa.ARRAY(sa.Text())),
        sa.column("one_way", sa.Boolean()),
        schema="search",
    )
    for words in old:
        op.execute(
            table.delete().where(table.c.words == sa.cast(words.split("|"), table.c.words.type))
        )
    for words, one_way in new:
        values = {"id": sa.func.gen_random_uuid(), "words": words.split("|"), "one_way": one_way}
        op.execute(table.insert().values(**values))
