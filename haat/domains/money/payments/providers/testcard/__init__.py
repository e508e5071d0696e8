"""The test card network: a card payment provider in a process of its own, spoken to over HTTP.

It owns the documented test cards and bank accounts, intents, refunds, payouts and the signed
webhooks about them, all in one SQLite file. It stands for the outside world: it imports nothing
of Haat, and no file of Haat imports it. It does not move real money and refuses real cards.
"""
