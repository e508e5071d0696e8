"""Stripe: cards with manual capture, saved methods, disputes, Connect transfers, balance report.

`adapter.py` fulfils the port; the rest is one thing a file: how Stripe counts, calls, shapes,
signs and reports. Written against API version 2026-10-28, over our own HTTP client.
"""
