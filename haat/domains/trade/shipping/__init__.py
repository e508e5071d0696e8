"""Shipping methods with their rates per vendor, and shipments with their tracking.

It does not own when an order may be sent (orders) or what shipping is taxed (pricing, checkout).
"""
