"""Reconciliation: our books against a provider's balance report or a bank's statement. Differences
are listed with a proposed correction; only staff book one. The books themselves are the ledger's,
what moved at a provider is payments'.
"""
