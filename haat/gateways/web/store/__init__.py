"""The store: what customers see, from the first page to a parcel's tracking."""

from fastapi import APIRouter

from haat.gateways.web.store.account import router as account
from haat.gateways.web.store.browse import router as browse
from haat.gateways.web.store.cart import router as cart
from haat.gateways.web.store.checkout import router as checkout
from haat.gateways.web.store.notifications import router as notifications
from haat.gateways.web.store.orders import router as orders
from haat.gateways.web.store.payment import router as payment
from haat.gateways.web.store.payments import router as payments
from haat.gateways.web.store.product import router as product
from haat.gateways.web.store.returns import router as returns
from haat.gateways.web.store.search import router as search
from haat.gateways.web.store.sign_in import router as sign_in
from haat.gateways.web.store.waiting import router as waiting
from haat.gateways.web.store.wallet import router as wallet
from haat.gateways.web.store.welcome import router as welcome


def store_routers() -> list[APIRouter]:
    """Every store page's router."""
    return [
        browse,
        search,
        product,
        waiting,
        cart,
        checkout,
        payment,
        returns,
        orders,
        sign_in,
        account,
        payments,
        wallet,
        notifications,
        welcome,
    ]
