"""The back office owns the market's day-by-day counts, how many vendors stand where, and the
reports of `haat doctor`.

It does not own what it counts: queues are the other modules', dead letters the bus's.
"""
