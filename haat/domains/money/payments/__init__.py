"""Payments: authorizing, capturing, voiding and refunding money through payment providers.

It owns payment intents, refunds, disputes, payouts sent, awaited bank transfers, saved methods and
vendors' accounts at providers, and the providers behind them. It does not own balances (the ledger
does), nor the decision of when money is taken or given back (settlement).
"""
