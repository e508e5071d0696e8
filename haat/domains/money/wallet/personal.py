"""What wallets have of people: where withdrawals went, and what was written about them."""

from haat.engines.sql.personal import Personal, Rule

PERSONAL_DATA = Personal(
    rules=(
        Rule(
            "wallet.withdrawals",
            "owner_id = :person",
            {"holder": "''", "account": "''", "reason": "NULL::text"},
            told=("requested_at", "credits", "minor", "currency", "holder", "account", "status"),
        ),
        Rule("wallet.wallets", "owner_id = :person", {"reason": "''"}, told=("frozen", "reason")),
        Rule(
            "wallet.moves",
            "owner_id = :person",
            {"note": "''"},
            told=("kind", "credits", "minor", "currency", "note", "state", "created_at"),
        ),
    )
)
