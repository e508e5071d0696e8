"""Simulations: long random histories of a market's money against independent bookkeeping."""
