"""Payouts: what each vendor earned of each sale, and how vendors are paid.

It owns earnings (frozen at sale), their reversals, bank accounts of vendors and payouts. It does
not own balances (the ledger does), sends no money itself (payments does), and does not decide
when a return window closes or what is refunded (settlement does).
"""
