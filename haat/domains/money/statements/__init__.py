"""What vendors and bookkeepers file: statements of vendors' balances, commission invoices, income.

Everything is read from the ledger; only invoices are kept, because they have numbers.
"""
