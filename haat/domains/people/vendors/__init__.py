"""Vendors: who sells here: application, review, public profile, suspension, commission rate.

It owns what a vendor is and whether it may trade. It does not own who is in a vendor's team
(identity), its goods (catalog) or its money (payouts).
"""
