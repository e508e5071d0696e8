"""Orders, their vendor orders, frozen lines and timeline, and the state each one is in.

It does not own what was charged (settlement, payments), what vendors earn (payouts), stock
(inventory) or parcels (shipping): it tells them by events, and books parcels at shipping.
"""
