"""Templates: one Jinja environment, what every template may use, and the static files' names."""

import hashlib
from datetime import UTC, datetime
from datetime import date as Date
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from haat.domains.money.wallet.api import CREDITS
from haat.domains.people.media.api import Picture
from haat.gateways.web.kit import pictures
from haat.gateways.web.kit.reading import minutes_in_words
from haat.kernel.money import Money

HERE = Path(__file__).parent
STATIC = HERE / "static"
LOCALE = "en"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(
        money=money,
        moment=moment,
        day=day,
        date=date,
        picture=picture_url,
        words=words,
        unquote=unquote,
        country=country_name,
        duration=minutes_in_words,
    )
    environment.globals.update(
        static=static_url,
        query=query,
        srcset=pictures.srcset,
        size_of=pictures.size_of,
        media=pictures.media,
        file_url=pictures.file_url,
    )
    return environment


def render(template: str, **values: Any) -> str:
    """The template filled; names are relative to this folder ("store/home.html")."""
    return _environment().get_template(template).render(**values)


def money(amount: Money | None) -> str:
    """'$12.99', as the market's locale writes it; '12.50 credits'."""
    if amount is None:
        return ""
    if amount.currency == CREDITS:
        return f"{format_decimal(amount.decimal(), '#,##0.00', locale=LOCALE)} credits"
    return str(format_currency(amount.decimal(), amount.currency, locale=LOCALE))


def moment(at: datetime | None) -> Markup:
    """A time with its machine-readable form, in UTC."""
    if at is None:
        return Markup("")
    text = format_datetime(at.astimezone(UTC), "d MMM y, HH:mm", locale=LOCALE)
    return Markup('<time datetime="{}">{} UTC</time>').format(at.isoformat(), text)


def day(at: datetime | None) -> Markup:
    """A date with its machine-readable form."""
    if at is None:
        return Markup("")
    text = format_datetime(at.astimezone(UTC), "d MMM y", locale=LOCALE)
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), text)


def date(day: Date) -> Markup:
    """A day without a time, as `day` writes it."""
    text = format_date(day, "d MMM y", locale=LOCALE)
    return Markup('<time datetime="{}">{}</time>').format(day.isoformat(), text)


def words(code: str) -> str:
    """'in_transit' → 'In transit'."""
    return code.replace("_", " ").capitalize()


def country_name(code: str) -> str:
    """'NL' → 'Netherlands'; the code itself where there is no such country."""
    return str(Locale(LOCALE).territories.get(code, code))


def picture_url(picture: Picture | None, width: int = pictures.SHOWN_WIDTH) -> str:
    """Where a picture is; a drawn placeholder where there is none."""
    if picture is None:
        return static_url("no-picture.svg")
    if picture.media_id is not None:
        return pictures.rendition_url(picture.media_id, width)
    return picture.url or static_url("no-picture.svg")


def query(**values: Any) -> str:
    """A query string without what is None or empty, starting with '?'; a list is repeated."""
    given = {name: value for name, value in values.items() if value not in (None, "", [])}
    return f"?{urlencode(given, doseq=True)}" if given else "?"


@cache
def static_url(name: str) -> str:
    """The address of a static file, with its content's fingerprint, so that it may be kept."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]
    return f"/static/{name}?v={digest}"
