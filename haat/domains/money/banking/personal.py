"""What banking has of people: vendors' bank accounts, none of somebody who owns no vendor."""

from haat.engines.sql.personal import Personal

_WHY = "a vendor's bank account: the books of what was paid to it keep it as long as the law asks"
PERSONAL_DATA = Personal(
    rules=(),
    kept={"accounts.holder": _WHY, "accounts.account": _WHY, "accounts.reason": _WHY},
)
