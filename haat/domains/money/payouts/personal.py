"""What payouts have of people: where vendors are paid. Of a store that never sold anything that
ends with its owner."""

from haat.engines.sql.personal import Personal, Rule

_WHY = "of a store that traded: the books of what was paid keep it as long as the law asks"
PERSONAL_DATA = Personal(
    rules=(Rule("payouts.destinations", "vendor_id = ANY(:untraded)"),),
    kept={
        "destinations.holder": _WHY,
        "destinations.account": _WHY,
        "payouts.holder": _WHY,
        "payouts.account": _WHY,
    },
)
