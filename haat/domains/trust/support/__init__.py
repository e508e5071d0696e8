"""Support sessions: staff see what a vendor or a customer sees, with their consent, for half an
hour, masked, reading only unless more was granted; every page they visit is kept for the other
side.

It owns the sessions and their visits. Masking and reading only are kept at the one door.
"""
