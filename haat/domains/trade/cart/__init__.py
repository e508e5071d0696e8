"""Carts of guests and signed-in people: offer ids and quantities, nothing else.

It does not own prices (catalog), stock (inventory) or what was bought (checkout, orders).
"""
