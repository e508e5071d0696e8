"""What vendors and bookkeepers file: statements of vendors' balances, monthly commission invoices, the
market's income. Everything is read from the ledger; only invoices are kept, because they have numbers.
"""
