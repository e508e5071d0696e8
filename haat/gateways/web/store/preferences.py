"""In which currency, and for which country, somebody sees prices."""

from fastapi import APIRouter, Request, Response

from haat.domains.goods.pricing.api import Pricing, Viewing
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.places import countries
from haat.gateways.web.store.shopping import Shopping
from haat.gateways.web.visit import COUNTRY, CURRENCY, Visit, form_of, safe_path
from haat.kernel.errors import FieldError, Invalid

router = APIRouter()


@router.get("/preferences")
async def show(visit: Shopping, back: str = "/") -> Response:
    return await _page(visit, Form({"back": safe_path(back, "/")}))


@router.post("/preferences")
async def choose(visit: Shopping, request: Request) -> Response:
    values = await form_of(request)
    viewing: Viewing = await visit.doors[Pricing].viewing(visit.ctx)
    currency, country = values.get("currency", ""), values.get("country", "")
    wrong = []
    if currency not in (viewing.market_currency, *viewing.currencies):
        wrong.append(FieldError(path="currency", code="currency_unknown", message="Not here."))
    if country not in dict(countries()):
        wrong.append(FieldError(path="country", code="country_unknown", message="Choose one."))
    if wrong:
        problem = Invalid("Choose one of each list.", fields=wrong)
        return await _page(visit, Form(values, problem), 422)
    visit.keep_choice(CURRENCY, "" if currency == viewing.market_currency else currency)
    visit.keep_choice(COUNTRY, "" if country == visit.market.country else country)
    return visit.redirect(safe_path(values.get("back", "/"), "/"))


async def _page(visit: Visit, form: Form, status: int = 200) -> Response:
    viewing = visit.viewing
    assert viewing is not None, "a store page knows how prices are shown"
    return visit.page(
        "store/preferences.html",
        status,
        form=form,
        viewing=viewing,
        currencies=[(c, c) for c in (viewing.market_currency, *viewing.currencies)],
        countries=countries(),
    )
