"""The vendor portal: a vendor's products, stock, orders, shipping, money and profile."""

from fastapi import APIRouter

from haat.gateways.web.vendor.apply import router as apply
from haat.gateways.web.vendor.audit import router as audit
from haat.gateways.web.vendor.bank import router as bank
from haat.gateways.web.vendor.earnings import router as earnings
from haat.gateways.web.vendor.imports import router as imports
from haat.gateways.web.vendor.keys import router as keys
from haat.gateways.web.vendor.money import router as money
from haat.gateways.web.vendor.offers import router as offers
from haat.gateways.web.vendor.onboarding import router as onboarding
from haat.gateways.web.vendor.orders import router as orders
from haat.gateways.web.vendor.overview import router as overview
from haat.gateways.web.vendor.payouts import router as payouts
from haat.gateways.web.vendor.performance import router as performance
from haat.gateways.web.vendor.presence import router as presence
from haat.gateways.web.vendor.prices import router as prices
from haat.gateways.web.vendor.product_files import router as files
from haat.gateways.web.vendor.products import router as products
from haat.gateways.web.vendor.profile import router as profile
from haat.gateways.web.vendor.requests import router as requests
from haat.gateways.web.vendor.returns import router as returns
from haat.gateways.web.vendor.shipping import router as shipping
from haat.gateways.web.vendor.statement import router as statement
from haat.gateways.web.vendor.stock import router as stock
from haat.gateways.web.vendor.stock_item import router as stock_item
from haat.gateways.web.vendor.team import router as team
from haat.gateways.web.vendor.wallet import router as wallet
from haat.gateways.web.vendor.warehouses import router as warehouses
from haat.gateways.web.vendor.webhooks import router as webhooks


def vendor_routers() -> list[APIRouter]:
    """Every page's router under /vendor."""
    return [
        overview,
        apply,
        onboarding,
        products,
        files,
        prices,  # before offers, whose last segment may be anything
        offers,
        requests,
        imports,
        stock,
        stock_item,
        warehouses,
        orders,
        returns,
        shipping,
        money,
        bank,
        earnings,
        payouts,
        statement,
        wallet,
        profile,
        performance,
        presence,
        team,
        audit,
        keys,
        webhooks,
    ]
