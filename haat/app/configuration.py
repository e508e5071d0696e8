"""What `haat config` shows."""

from pydantic import SecretStr

from haat.app.installation import Installation
from haat.app.settings import AppSettings
from haat.kernel.errors import NotFound


class NoSuchSetting(NotFound, code="setting_unknown"):
    """There is no such setting; `haat config` lists them."""


def lines(settings: AppSettings) -> list[str]:
    """Every setting as NAME=value; secrets as stars."""
    found = []
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            value = "********" if value.get_secret_value() else ""
        found.append(f"HAAT_{name.upper()}={'' if value is None else value}")
    return [*found, f"# data folder: {settings.folder}", f"# site: {settings.site}"]


def value_of(settings: AppSettings, name: str) -> str:
    """One value, in the clear. `sql.url` is the address in force: the running market's, too."""
    key = name.lower().replace(".", "_").removeprefix("haat_")
    if key == "sql_url":
        return Installation(settings).sql_in_force()
    if key not in type(settings).model_fields:
        raise NoSuchSetting(f"There is no setting {name!r}; `haat config` lists them.")
    value = getattr(settings, key)
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return "" if value is None else str(value)
