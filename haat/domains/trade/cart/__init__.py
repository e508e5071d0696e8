"""Carts of guests and signed-in people: offer ids, quantities and the prices that were seen.

It does not own prices (catalog), stock (inventory) or what was bought (checkout, orders).
"""
