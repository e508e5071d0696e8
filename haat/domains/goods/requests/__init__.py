"""Requests own what vendors ask for: products that nobody sells here yet, and what became of each
request. The product it may become, and the offer on it, belong to catalog.
"""
