"""What `haat config` shows, and which of it nothing may ever show."""

from collections.abc import Iterator, Mapping
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr

from haat.app.installation import Installation
from haat.app.settings import AppSettings
from haat.engines.telemetry import set_up_logs
from haat.kernel.errors import NotFound
from haat.kernel.settings import Settings

STARS = "********"


class NoSuchSetting(NotFound, code="setting_unknown"):
    """There is no such setting; `haat config` lists them."""


def lines(settings: AppSettings) -> list[str]:
    """Every setting as NAME=value, the installation's and then the modules'; secrets as stars."""
    found: dict[str, str] = {}
    for one in (settings, *_others()):
        for name in type(one).model_fields:
            found.setdefault(f"HAAT_{name.upper()}", _shown(getattr(one, name)))
    said = [f"{name}={value}" for name, value in found.items()]
    return [*said, f"# data folder: {settings.folder}", f"# site: {settings.site}"]


def value_of(settings: AppSettings, name: str) -> str:
    """One value, in the clear. `sql.url` is the address in force: the running market's, too."""
    key = name.lower().replace(".", "_").removeprefix("haat_")
    if key == "sql_url":
        return Installation(settings).sql_in_force()
    for one in (settings, *_others()):
        if key in type(one).model_fields:
            value = getattr(one, key)
            if isinstance(value, SecretStr):
                return value.get_secret_value()
            return "" if value is None else str(value)
    raise NoSuchSetting(f"There is no setting {name!r}; `haat config` lists them.")


def start_logs(settings: AppSettings) -> None:
    """The logs of a process that serves or works."""
    set_up_logs(
        settings.log_level,
        file=settings.log_file,
        forward=settings.log_forward,
        secrets=secrets_of(settings),
    )


def secrets_of(settings: AppSettings) -> list[str]:
    """The values that no log may hold: secrets of every settings class this process has loaded, and
    the passwords of addresses by themselves."""
    kinds = (kind() for kind in _kinds() if kind is not AppSettings)
    return sorted({part for one in (settings, *kinds) for part in _secrets_in(one)})


def _secrets_in(value: object) -> Iterator[str]:
    """Also of what a setting is made of, such as a provider of many."""
    if isinstance(value, SecretStr):
        yield from _with_parts(value.get_secret_value())
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets_in(getattr(value, name))
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _secrets_in(one)


def _with_parts(secret: str) -> Iterator[str]:
    if not secret:
        return
    yield secret
    try:
        password = urlsplit(secret).password
    except ValueError:
        return
    if password:
        yield password
        yield unquote(password)


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return STARS if value.get_secret_value() else ""
    return "" if value is None else str(value)


def _others() -> list[Settings]:
    """Those of every module and gateway."""
    from haat.app import web  # noqa: F401 - with it comes whatever has settings
    from haat.app.targets import all_modules
    from haat.gateways.grpc import settings  # noqa: F401

    all_modules()
    return [kind() for kind in _kinds() if kind is not AppSettings]


def _kinds() -> list[type[Settings]]:
    return sorted(
        (kind for kind in Settings.__subclasses__() if kind.__module__.startswith("haat.")),
        key=lambda kind: (kind.__module__, kind.__name__),
    )
