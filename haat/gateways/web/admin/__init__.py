"""The back office: approval queues, orders and refunds, payouts, settings."""

from fastapi import APIRouter

from haat.gateways.web.admin.applications import router as applications
from haat.gateways.web.admin.audit import router as audit
from haat.gateways.web.admin.bank_files import router as bank_files
from haat.gateways.web.admin.brands import router as brands
from haat.gateways.web.admin.categories import router as categories
from haat.gateways.web.admin.commissions import router as commissions
from haat.gateways.web.admin.commissions_asking import router as commissions_asking
from haat.gateways.web.admin.credits import router as credits
from haat.gateways.web.admin.credits_paying import router as credits_paying
from haat.gateways.web.admin.disputes import router as disputes
from haat.gateways.web.admin.doctor import router as doctor
from haat.gateways.web.admin.income import router as income
from haat.gateways.web.admin.letters import router as letters
from haat.gateways.web.admin.listing_rules import router as listing_rules
from haat.gateways.web.admin.onboarding import router as onboarding
from haat.gateways.web.admin.orders import router as orders
from haat.gateways.web.admin.overview import router as overview
from haat.gateways.web.admin.payments import router as payments
from haat.gateways.web.admin.payout_policy import router as payout_policy
from haat.gateways.web.admin.payouts import router as payouts
from haat.gateways.web.admin.people import router as people
from haat.gateways.web.admin.performance import router as performance
from haat.gateways.web.admin.price_lists import router as price_lists
from haat.gateways.web.admin.prices import router as prices
from haat.gateways.web.admin.products import router as products
from haat.gateways.web.admin.reconciliation import router as reconciliation
from haat.gateways.web.admin.refunds import router as refunds
from haat.gateways.web.admin.requests import router as requests
from haat.gateways.web.admin.returns import router as returns
from haat.gateways.web.admin.sale_lists import router as sale_lists
from haat.gateways.web.admin.search import router as search
from haat.gateways.web.admin.settings import router as settings
from haat.gateways.web.admin.staff import router as staff
from haat.gateways.web.admin.support import router as support
from haat.gateways.web.admin.vendor_bank import router as vendor_bank
from haat.gateways.web.admin.vendor_terms import router as vendor_terms
from haat.gateways.web.admin.vendors import router as vendors
from haat.gateways.web.admin.webhooks import router as webhooks


def admin_routers() -> list[APIRouter]:
    """Every page's router under /admin."""
    return [
        overview,
        vendors,
        applications,
        onboarding,
        vendor_terms,
        vendor_bank,
        products,
        prices,
        performance,
        price_lists,
        requests,
        brands,
        sale_lists,
        listing_rules,
        orders,
        refunds,
        returns,
        payouts,
        bank_files,
        payout_policy,
        income,
        commissions,
        commissions_asking,
        credits,
        credits_paying,
        payments,
        disputes,
        reconciliation,
        search,
        settings,
        categories,
        letters,
        doctor,
        people,
        staff,
        audit,
        support,
        webhooks,
    ]
