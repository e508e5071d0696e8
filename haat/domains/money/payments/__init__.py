"""Payments: authorizing, capturing, voiding and refunding money through a payment provider.

It owns payment intents, their attempts and refunds, and the providers behind them. It does not own
balances (the ledger does), nor the decision of when money is taken or given back (settlement).
"""
