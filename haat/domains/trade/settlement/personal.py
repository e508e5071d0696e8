"""What settlement has of people: the reasons that were given for moving their money."""

from haat.engines.sql.personal import Personal, Rule

THEIRS = "order_id = ANY(:orders)"
PERSONAL_DATA = Personal(
    rules=(
        Rule("settlement.refunds", THEIRS, {"reason": "''"}),
        Rule("settlement.disputes", THEIRS, {"reason": "''"}),
        Rule("settlement.cancellations", THEIRS, {"reason": "''"}),
    )
)
