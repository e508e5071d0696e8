"""Stock per offer: what is on hand, what is reserved, and every movement that led there.

It owns counts, movements, reservations and low-stock alerts. It does not own prices, SKUs or
whose an offer is (the catalogue does), nor when goods are sold (checkout and settlement do).
"""
