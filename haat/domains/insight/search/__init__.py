"""Search owns an index of the products on sale, made from what the catalogue says of them.

It does not own products: what it has can be thrown away and made again from the catalogue's facts.
"""
