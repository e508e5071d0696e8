"""The installation's settings, from the environment (`HAAT_…`; see .env.example)."""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator

from haat.kernel.settings import Settings


class AppSettings(Settings):
    """Everything that is not one module's own. Empty addresses mean: the embedded engine."""

    data: Path = Path("data")
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)] = 4004
    workers: Annotated[int, Field(ge=1, le=64)] = 2
    demo: bool = True
    test_cards: bool | None = None  # the test card network as a provider; as `demo` when None
    public_url: str = ""  # what browsers and mails see; http://localhost:PORT when empty
    sql_url: SecretStr = SecretStr("")
    sql_pool: Annotated[int, Field(ge=1, le=200)] = 12  # connections per process and database
    bus_url: SecretStr = SecretStr("")  # empty: the database itself
    blob_url: SecretStr = SecretStr("")
    mail_url: SecretStr = SecretStr("")
    mail_from: str = "market@localhost"
    rpc_token: SecretStr = SecretStr("")
    secret_file: Path | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_file: Path | None = None  # JSON lines go there, and only warnings to the terminal
    otel_endpoint: str = ""
    metrics_public: bool = False  # /metrics answers other machines, too

    @field_validator("public_url")
    @classmethod
    def _no_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @property
    def folder(self) -> Path:
        """The data folder, absolute."""
        return self.data.expanduser().resolve()

    @property
    def site(self) -> str:
        """The address people use, without a slash at the end."""
        return self.public_url or f"http://localhost:{self.port}"

    @property
    def takes_test_cards(self) -> bool:
        """Whether the test card network is started. Its cards pay with nothing."""
        return self.demo if self.test_cards is None else self.test_cards

    @property
    def secret_path(self) -> Path:
        return self.secret_file or self.folder / "secret.key"

    def sql_of(self, module: str) -> str:
        """The database of one module: HAAT_SQL_URL_ORDERS, else the common one."""
        return os.environ.get(f"HAAT_SQL_URL_{module.upper()}") or self.sql_url.get_secret_value()

    def peer_of(self, module: str) -> str:
        """Where a module that is not in this process answers: HAAT_RPC_URL_ORDERS."""
        return os.environ.get(f"HAAT_RPC_URL_{module.upper()}") or f"http://{module}:4004"

    @property
    def blob(self) -> str:
        return self.blob_url.get_secret_value() or str(self.folder / "blobs")

    @property
    def mail(self) -> str:
        return self.mail_url.get_secret_value() or f"file://{self.folder / 'mail'}"
