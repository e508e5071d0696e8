"""Market: the installation's own settings, one row: name, currency, country, logo and rules.

It owns what staff may change about the market as a whole. It does not own settings that come from
the environment, nor those of a vendor.
"""
