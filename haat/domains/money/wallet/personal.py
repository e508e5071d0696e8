"""What wallets have of people: where withdrawals went."""

from haat.engines.sql.personal import Personal, Rule

PERSONAL_DATA = Personal(
    rules=(
        Rule(
            "wallet.withdrawals",
            "owner_id = :person",
            {"holder": "''", "account": "''"},
            told=("requested_at", "credits", "minor", "currency", "holder", "account", "status"),
        ),
    )
)
