"""Performance owns how vendors do: what of their orders was sent late, cancelled, given back for a
fault of theirs or disputed, and the thresholds they are held against.

It owns none of these orders: it counts what events say of them, and decides nothing about a vendor.
"""
