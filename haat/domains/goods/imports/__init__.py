"""Imports own files of goods that vendors send: what each column means, how far a run is, which
rows were refused and why. What comes of them, products and stock, belongs to catalog and inventory.
"""
