"""Answers that join several modules, made by plural queries: one call per module, never one per
row. REST and pages show the same joins, so they stand here, below both."""

from haat.gateways.views.carts import CartGroup, CartLine, CartView, cart_view
from haat.gateways.views.goods import Card, ProductPage, cards, product_page
from haat.gateways.views.standings import SoldBy, Standings, rank, rank_many, standings_of

__all__ = [
    "Card",
    "CartGroup",
    "CartLine",
    "CartView",
    "ProductPage",
    "SoldBy",
    "Standings",
    "cards",
    "cart_view",
    "product_page",
    "rank",
    "rank_many",
    "standings_of",
]
