"""Profiles: what a person keeps with us beside the account: a telephone number and addresses.

It does not own the name and the e-mail address (identity), nor the addresses frozen on an order.
"""
