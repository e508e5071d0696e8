"""Receipts of paid orders, credit notes of what was given back, and vendors' packing slips.

It owns what a receipt said when it was first made, and nothing of what it is made from: orders,
tenders and refunds belong to orders and settlement. Mails are sent by notifications.
"""
