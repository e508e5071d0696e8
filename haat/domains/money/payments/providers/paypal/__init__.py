"""PayPal: Orders v2 with intent AUTHORIZE, Payments v2, Payouts v1, Disputes v1, its webhooks and
its transaction search. `adapter.py` is the provider; set-up and limits: docs/operate/paypal.md.
"""
