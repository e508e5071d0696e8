"""Tax: rates by class of goods and country, and the arithmetic of tax on a quote.

It does not own prices (the catalogue does) nor the tax that was charged (orders freeze it).
"""
