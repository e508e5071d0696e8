"""Kills a random process of a market under load, over and over, and counts what was lost.

`shapes` runs the market as one or as many processes, `processes` tells which there are, `buyers`
buy over HTTP, `killer` kills and waits until a new order is paid again, `books` holds everything
against everything else at the end.
"""
