"""The back office: approval queues, orders and refunds, payouts, settings."""

from fastapi import APIRouter

from haat.gateways.web.admin.bank_files import router as bank_files
from haat.gateways.web.admin.categories import router as categories
from haat.gateways.web.admin.commissions import router as commissions
from haat.gateways.web.admin.commissions_asking import router as commissions_asking
from haat.gateways.web.admin.credits import router as credits
from haat.gateways.web.admin.credits_paying import router as credits_paying
from haat.gateways.web.admin.disputes import router as disputes
from haat.gateways.web.admin.doctor import router as doctor
from haat.gateways.web.admin.income import router as income
from haat.gateways.web.admin.letters import router as letters
from haat.gateways.web.admin.orders import router as orders
from haat.gateways.web.admin.overview import router as overview
from haat.gateways.web.admin.payments import router as payments
from haat.gateways.web.admin.payout_policy import router as payout_policy
from haat.gateways.web.admin.payouts import router as payouts
from haat.gateways.web.admin.people import router as people
from haat.gateways.web.admin.products import router as products
from haat.gateways.web.admin.reconciliation import router as reconciliation
from haat.gateways.web.admin.refunds import router as refunds
from haat.gateways.web.admin.returns import router as returns
from haat.gateways.web.admin.settings import router as settings
from haat.gateways.web.admin.vendor_terms import router as vendor_terms
from haat.gateways.web.admin.vendors import router as vendors


def admin_routers() -> list[APIRouter]:
    """Every page's router under /admin."""
    return [
        overview,
        vendors,
        vendor_terms,
        products,
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
        settings,
        categories,
        letters,
        doctor,
        people,
    ]
