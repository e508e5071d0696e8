"""Settings come from the environment (`HAAT_…`), once, at start; each module declares its own."""

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Base of every settings class: `return_window_minutes` reads HAAT_RETURN_WINDOW_MINUTES."""

    model_config = SettingsConfigDict(env_prefix="HAAT_", frozen=True, extra="ignore")
