"""What a change of settings makes of them."""

from email_validator import EmailNotValidError, validate_email

from haat.domains.people.market.api import MarketSettings, SettingsChange
from haat.kernel.errors import Invalid
from haat.kernel.text import is_plain_line

TEXT_MAX_CHARS = 254


def checked(settings: MarketSettings) -> MarketSettings:
    """The settings with name and support address in their plain form. Raises Invalid."""
    return settings.model_copy(
        update={
            "name": market_name(settings.name),
            "support_email": support_address(settings.support_email),
        }
    )


def changed(settings: MarketSettings, change: SettingsChange) -> MarketSettings:
    """The settings after the change; None in it leaves a value, "" clears the support address."""
    given = change.model_dump(exclude_none=True, by_alias=False)
    return checked(settings.model_copy(update=given))


def market_name(text: str) -> str:
    """One line of text with something to read in it. It stands in the subject of mails."""
    name = " ".join(text.split())
    if not is_plain_line(name) or not any(c.isalnum() for c in name):
        raise Invalid.at("name", "Give the market a name in plain characters.", "name_invalid")
    return name


def support_address(text: str | None) -> str | None:
    """The address in its normal form, None for none. Raises Invalid."""
    if text is None or not text.strip():
        return None
    try:
        # No look-up of the domain: this must work without a network.
        found = validate_email(
            text.strip()[:TEXT_MAX_CHARS],
            check_deliverability=False,
            strict=True,
            test_environment=True,
        )
    except EmailNotValidError:
        raise Invalid.at(
            "supportEmail", "This is not an e-mail address.", "email_invalid"
        ) from None
    return found.normalized
