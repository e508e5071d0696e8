"""Ledger: double-entry accounts and append-only transfers, one place where money is counted.

It owns balances, in integer minor units of one currency per account, and proves them from the
transfers. It does not know why money moves: callers name a code and a reference, and no person
stands in it.
"""
