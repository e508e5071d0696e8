"""Haat: a multi-vendor marketplace. Five floors; imports point down only (docs/house.md)."""
