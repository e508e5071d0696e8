"""The store: what customers see, from the first page to a parcel's tracking."""

from fastapi import APIRouter


def store_routers() -> list[APIRouter]:
    """Every store page's router."""
    from haat.gateways.web.store import (
        account,
        browse,
        cart,
        checkout,
        notifications,
        orders,
        payment,
        product,
        search,
        sign_in,
        welcome,
    )

    pages = (
        browse,
        search,
        product,
        cart,
        checkout,
        payment,
        orders,
        sign_in,
        account,
        notifications,
        welcome,
    )
    return [page.router for page in pages]
