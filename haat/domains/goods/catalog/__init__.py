"""The catalogue: the category tree, products with their variants, and vendors' offers on them.

It owns titles, texts, prices, SKUs and whether something is on sale. It does not own stock
(inventory), tax rates (pricing), pictures' bytes (media) or who a vendor is (vendors).
"""
