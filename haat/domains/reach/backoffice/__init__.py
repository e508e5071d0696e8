"""The back office owns the market's day-by-day counts and how many vendors stand where.

It does not own what it counts: queues are the other modules', dead letters the bus's.
"""
