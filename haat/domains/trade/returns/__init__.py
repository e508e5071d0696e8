"""Returns and complaints: a customer asks, the vendor or staff answer, goods come back, the refund
follows.

It owns the requests, what was said about them and how many of each order line are asked for. It
moves no money and no goods (settlement does) and does not keep earnings back itself (payouts does).
"""
