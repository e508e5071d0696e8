"""What banking has of people: vendors' bank accounts. Those of a store that never sold anything end
with its owner: nothing was ever paid there."""

from haat.engines.sql.personal import Personal, Rule

_WHY = "of a store that traded: the books of what was paid keep it as long as the law asks"
PERSONAL_DATA = Personal(
    rules=(
        Rule(
            "banking.accounts",
            "vendor_id = ANY(:untraded)",
            {
                "holder": "''",
                "account": "''",
                "reason": "''",
                "is_default": "false",
                "removed_at": "coalesce(removed_at, :now)",
            },
            told=("holder", "account", "bic", "bank", "status", "created_at", "removed_at"),
        ),
    ),
    kept={"accounts.holder": _WHY, "accounts.account": _WHY, "accounts.reason": _WHY},
)
