"""Webhooks own the addresses that vendors and the market have their news sent to, and every
delivery with its tries.

They do not own the news: what happened is stated by the modules below, and the catalogue says which
of their events go out, to whom, and with which fields.
"""
