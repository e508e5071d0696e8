"""Settings come from the environment (`HAAT_…`), once, at start; each module declares its own.

A secret need not stand in the environment: `HAAT_X_FILE` names a file that holds x, as container
runtimes mount them. What is set itself, and not empty, goes before its file.
"""

import os
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from haat.kernel.errors import Unavailable

PREFIX = "HAAT_"
FILE = "_FILE"
FILE_MAX_BYTES = 64 << 10


class SettingUnreadable(Unavailable, code="setting_unreadable"):
    """A file that a setting stands in cannot be read."""


def given(name: str) -> str:
    """What the variable of this name says, or the file that `name_FILE` names; '' for neither.

    SettingUnreadable, which says the file's name and never what it holds.
    """
    said = os.environ.get(name, "")
    where = os.environ.get(name + FILE, "")
    return said if said or not where else _content(name + FILE, Path(where))


def _content(name: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_MAX_BYTES + 1)
        if len(raw) > FILE_MAX_BYTES:
            raise SettingUnreadable(f"{name}: {path} is too large for a setting")
        return raw.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise SettingUnreadable(f"{name}: {path} is no text") from None
    except OSError as error:
        raise SettingUnreadable(f"{name}: {path} cannot be read: {error.strerror}") from None


class _Files(PydanticBaseSettingsSource):
    """Fields whose value stands in a file of their own."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        variable = PREFIX + field_name.upper()
        # Where a setting is itself a file's name, that is what its variable says.
        is_name = f"{field_name}{FILE.lower()}" in self.settings_cls.model_fields
        if is_name or os.environ.get(variable) or not os.environ.get(variable + FILE):
            return None, field_name, False
        return given(variable), field_name, False

    def __call__(self) -> dict[str, Any]:
        found = {}
        for name, field in self.settings_cls.model_fields.items():
            value, _, _ = self.get_field_value(field, name)
            if value is not None:
                found[name] = value
        return found


class Settings(BaseSettings):
    """Base of every settings class: `return_window_minutes` reads HAAT_RETURN_WINDOW_MINUTES, or
    the file that HAAT_RETURN_WINDOW_MINUTES_FILE names. What is refused is never repeated: it may
    be a secret."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, _Files(settings_cls), env_settings
