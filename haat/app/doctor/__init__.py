"""`haat doctor`: drills on a running market, with a synthetic vendor and synthetic customers.

`ward` sets the scene and buys over HTTP as customers do; `cards` is the card network brought
along; `stock`, `messages`, `letters`, `slow` and `worker` are the drills; `cleaning` takes
everything back; `examining` runs them and keeps the report; `telling` shows it at a terminal.
"""
