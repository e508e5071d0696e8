"""Reconciliation: our books against a provider's balance report or a bank's statement. Differences are
listed with a proposed correction; only staff book one.
"""
