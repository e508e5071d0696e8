"""Filling a market: the deterministic demo."""
