"""The vendor portal: a vendor's products, stock, orders, shipping, money and profile."""

from fastapi import APIRouter

from haat.gateways.web.vendor.apply import router as apply
from haat.gateways.web.vendor.earnings import router as earnings
from haat.gateways.web.vendor.imports import router as imports
from haat.gateways.web.vendor.money import router as money
from haat.gateways.web.vendor.offers import router as offers
from haat.gateways.web.vendor.orders import router as orders
from haat.gateways.web.vendor.overview import router as overview
from haat.gateways.web.vendor.payouts import router as payouts
from haat.gateways.web.vendor.products import router as products
from haat.gateways.web.vendor.profile import router as profile
from haat.gateways.web.vendor.returns import router as returns
from haat.gateways.web.vendor.shipping import router as shipping
from haat.gateways.web.vendor.statement import router as statement
from haat.gateways.web.vendor.stock import router as stock
from haat.gateways.web.vendor.stock_item import router as stock_item
from haat.gateways.web.vendor.wallet import router as wallet
from haat.gateways.web.vendor.warehouses import router as warehouses


def vendor_routers() -> list[APIRouter]:
    """Every page's router under /vendor."""
    return [
        overview,
        apply,
        products,
        offers,
        imports,
        stock,
        stock_item,
        warehouses,
        orders,
        returns,
        shipping,
        money,
        earnings,
        payouts,
        statement,
        wallet,
        profile,
    ]
