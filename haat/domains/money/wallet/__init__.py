"""Credits: wallets of persons and vendors, their conversion rates, top-ups, withdrawals, and
credits as a means of payment. Balances stand in the ledger; the wallet owns why they moved.
"""
