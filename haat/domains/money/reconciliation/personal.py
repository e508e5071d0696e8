"""What reconciliation has of people: what banks wrote on statements."""

from haat.engines.sql.personal import Personal

PERSONAL_DATA = Personal(
    rules=(),
    kept={
        "runs.file_name": "how staff called a bank's file",
        "differences.theirs": "a bank's statement, a voucher of the books",
    },
)
