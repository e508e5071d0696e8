"""What something costs whom: tax rates, customer groups and their price lists, currencies.

It does not own prices (the catalogue does) nor what was charged (quotes and orders freeze it).
"""
