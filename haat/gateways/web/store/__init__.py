"""The store: what customers see, from the first page to a parcel's tracking."""

from fastapi import APIRouter

from haat.gateways.web.store.account import router as account
from haat.gateways.web.store.addresses import router as addresses
from haat.gateways.web.store.browse import router as browse
from haat.gateways.web.store.cart import router as cart
from haat.gateways.web.store.checkout import router as checkout
from haat.gateways.web.store.elsewhere import router as elsewhere
from haat.gateways.web.store.joining import router as joining
from haat.gateways.web.store.notifications import router as notifications
from haat.gateways.web.store.orders import router as orders
from haat.gateways.web.store.payment import router as payment
from haat.gateways.web.store.payments import router as payments
from haat.gateways.web.store.phone import router as phone
from haat.gateways.web.store.preferences import router as preferences
from haat.gateways.web.store.preferring import router as preferring
from haat.gateways.web.store.privacy import router as privacy
from haat.gateways.web.store.product import router as product
from haat.gateways.web.store.proving import router as proving
from haat.gateways.web.store.recovering import router as recovering
from haat.gateways.web.store.returns import router as returns
from haat.gateways.web.store.search import router as search
from haat.gateways.web.store.security import router as security
from haat.gateways.web.store.sign_in import router as sign_in
from haat.gateways.web.store.support import router as support
from haat.gateways.web.store.vendors import router as vendors
from haat.gateways.web.store.waiting import router as waiting
from haat.gateways.web.store.wallet import router as wallet
from haat.gateways.web.store.welcome import router as welcome


def store_routers() -> list[APIRouter]:
    """Every store page's router."""
    return [
        browse,
        search,
        vendors,
        product,
        waiting,
        cart,
        checkout,
        payment,
        returns,
        orders,
        sign_in,
        recovering,
        elsewhere,
        security,
        phone,
        proving,
        account,
        addresses,
        preferring,
        joining,
        payments,
        wallet,
        notifications,
        preferences,
        privacy,
        support,
        welcome,
    ]
