"""The market's own settings and its tax rates."""

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response

from haat.domains.goods.catalog.api import Catalog, TaxClass
from haat.domains.goods.pricing.api import Pricing, TaxRate
from haat.domains.people.market.api import Market, SettingsChange
from haat.gateways.web.admin.office import Staff, page
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.places import countries
from haat.gateways.web.kit.reading import Reader, minutes_in_words, percent
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import Forbidden, Problem

router = APIRouter()
HERE = "/admin/settings"
YEAR_MINUTES = 525_600
POLICIES = (
    ("own", "Every vendor sells products of its own"),
    ("shared", "One product for one thing, sold by whoever has it"),
    ("both", "Both: vendors attach offers or make products of their own"),
)


@router.get("/admin/settings")
async def show(visit: Staff) -> Response:
    return await _page(visit, Form(), Form())


@router.post("/admin/settings")
async def change(visit: Staff, request: Request) -> Response:
    values = await form_of(request)
    try:
        await visit.doors[Market].change(visit.ctx, change=change_of(values))
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        at = {"name_invalid": "name", "email_invalid": "support_email"}
        return await _page(visit, Form(values, problem, at), Form(), problem.status)
    visit.flash("The settings are saved.")
    return visit.redirect(HERE)


@router.post("/admin/settings/rates")
async def set_rate(visit: Staff, request: Request) -> Response:
    values = await form_of(request)
    try:
        rate = rate_of(values)
        await visit.doors[Pricing].set_rate(visit.ctx, rate=rate)
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        return await _page(visit, Form(), Form(values, problem), problem.status)
    visit.flash(f"The rate is saved: {percent(rate.rate_bp)} %.")
    return visit.redirect(f"{HERE}#rates")


@router.post("/admin/settings/tax-classes")
async def save_class(visit: Staff, request: Request) -> Response:
    values = await form_of(request)
    try:
        saved = await visit.doors[Catalog].save_tax_class(visit.ctx, tax_class=class_of(values))
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        at = {"standard_stays": "class_active", "name_blank": "class_name"}
        class_form = Form(values, problem, at)
        return await _page(visit, Form(), Form(), problem.status, class_form)
    visit.flash(f"The tax class {saved.name} is saved.")
    return visit.redirect(f"{HERE}#rates")


def change_of(values: Mapping[str, str]) -> SettingsChange:
    """The settings form read; Invalid with every field that is wrong."""
    reader = Reader(values)
    given = {
        "name": reader.text("name", longest=80),
        "support_email": reader.text("support_email", longest=254, required=False),
        "commission_bp": reader.percent("commission"),
        "return_window_minutes": reader.whole("return_window_minutes", most=YEAR_MINUTES),
        "prices_include_tax": values.get("prices_include_tax") == "on",
        "lowest_price": values.get("lowest_price") == "on",
        "order_prefix": _prefix(reader, values),
        "offers_policy": _policy(reader, values),
        "pictures_max": reader.whole("pictures_max", least=1, most=100)
        if "pictures_max" in values
        else None,
        "handling_hours": reader.whole("handling_hours", least=1, most=720)
        if "handling_hours" in values
        else None,
    }
    reader.done()
    return SettingsChange.model_validate(given)


def _prefix(reader: Reader, values: Mapping[str, str]) -> str | None:
    """What order numbers begin with; None, not sent, leaves it."""
    if "order_prefix" not in values:
        return None
    found = reader.text("order_prefix", longest=6).upper()
    if found and not (found.isascii() and found.isalnum()):
        reader.refuse("order_prefix", "Use letters from A to Z and digits.", "prefix_invalid")
    return found


def _policy(reader: Reader, values: Mapping[str, str]) -> str | None:
    """Whether vendors share products; None, not sent, leaves it."""
    found = values.get("offers_policy")
    if found is not None and found not in dict(POLICIES):
        reader.refuse("offers_policy", "Choose one of the list.", "literal_error")
    return found


def rate_of(values: Mapping[str, str]) -> TaxRate:
    """The form of a tax rate read; Invalid with every field that is wrong."""
    reader = Reader(values)
    name = _code(reader, "tax_class")
    country = values.get("country", "")
    if country not in dict(countries()):
        reader.refuse("country", "Choose one of the list.", "country_unknown")
    rate = reader.percent("rate")
    reader.done("This rate needs another look.")
    return TaxRate(tax_class=name, country=country, rate_bp=rate)


def _code(reader: Reader, field: str) -> str:
    """'Food and drink' → 'food_and_drink'."""
    name = reader.text(field, longest=30).lower().replace(" ", "_").replace("-", "_")
    if name and not (name.isascii() and name.replace("_", "").isalpha()):
        reader.refuse(field, "Use letters from a to z.", "tax_class_invalid")
    return name


def class_of(values: Mapping[str, str]) -> TaxClass:
    """The form of a tax class read; Invalid with every field that is wrong."""
    reader = Reader(values)
    code = _code(reader, "code")
    name = reader.text("class_name", longest=60)
    position = reader.whole("position", most=1000, empty=0)
    reader.done("This tax class needs another look.")
    active = values.get("class_active") == "on"
    return TaxClass(code=code, name=name, position=position, active=active)


async def _page(
    visit: Visit,
    form: Form,
    rate_form: Form,
    status: int = 200,
    class_form: Form | None = None,
) -> Response:
    if not visit.ctx.has("staff:settings"):
        raise Forbidden  # what is shown here is not secret, but nothing here could be saved
    rates = await visit.doors[Pricing].rates(visit.ctx)
    classes: list[TaxClass] = await visit.doors[Catalog].tax_classes(visit.ctx)
    return page(
        visit,
        "settings.html",
        HERE,
        status,
        form=form,
        rate_form=rate_form,
        class_form=class_form or Form(),
        rates=sorted(rates, key=lambda rate: (rate.country, rate.tax_class)),
        countries=countries(),
        classes=classes,
        class_names=[(one.code, one.name) for one in classes],
        policies=POLICIES,
        window=minutes_in_words(visit.market.return_window_minutes),
    )
