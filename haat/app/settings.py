"""The installation's settings, from the environment (`HAAT_…`; see .env.example)."""

import os
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from haat.app.targets import group_of
from haat.kernel.settings import Settings, given

TOKEN_MIN_CHARS = 32
LOOPBACK = "127.0.0.0/8,::1"


class AppSettings(Settings):
    """Everything that is not one module's own. Empty addresses mean: the embedded engine.

    What checks a setting is imported where one is given: the supervisor and commands read settings
    too, and would otherwise hold, and wait for, all of the HTTP floor."""

    data: Path = Path("data")
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)] = 4004
    workers: Annotated[int, Field(ge=1, le=64)] = 2  # processes that answer HTTP
    # Processes for events and timers; 0: those that answer HTTP do that as well.
    background: Annotated[int, Field(ge=0, le=16)] = 1
    # Processes that write imported goods while there are some; None: as there are processors.
    importers: Annotated[int, Field(ge=0, le=16)] | None = None
    drain_s: Annotated[float, Field(ge=0, le=60)] = 6  # a leaving process's goodbye to its clients
    demo: bool = True
    test_cards: bool | None = None  # the test card network as a provider; as `demo` when None
    public_url: str = ""  # what browsers and mails see; http://localhost:PORT when empty
    sql_url: SecretStr = SecretStr("")
    # Connections per process and database. Few: the same ones are used again and again, and what
    # PostgreSQL keeps for each (10 MB of plans and catalog) stays in its processor's cache.
    sql_pool: Annotated[int, Field(ge=1, le=200)] = 6
    bus_url: SecretStr = SecretStr("")  # empty: the database itself
    bus_sql_url: SecretStr = SecretStr("")  # beside a broker: what failed; empty: the common one
    cache_url: SecretStr = SecretStr("")  # empty: `haat run` starts a Valkey, others keep nothing
    blob_url: SecretStr = SecretStr("")
    search_url: SecretStr = SecretStr("")  # empty: a folder of the data folder
    mail_url: SecretStr = SecretStr("")
    mail_from: str = "market@localhost"
    sms_url: SecretStr = SecretStr("")  # text messages: a webhook; empty: a folder
    sms_token: SecretStr = SecretStr("")
    rpc_token: SecretStr = SecretStr("")
    # PEM: the processes of a market call each other by TLS, and believe this authority alone.
    rpc_ca: Path | None = None
    rpc_cert: Path | None = None
    rpc_key: Path | None = None
    secret_file: Path | None = None
    erased: Path | None = None  # whom not to bring back: a file beside data and backups
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_forward: str = ""  # a collector, beside the log itself: syslog+tls://HOST:6514?ca=FILE
    log_file: Path | None = None  # JSON lines go there, and only warnings to the terminal
    otel_endpoint: str = ""
    tls_cert: Path | None = None  # PEM: with it and its key, we answer https ourselves
    tls_key: Path | None = None
    hsts_s: Annotated[int, Field(ge=0)] = 31_536_000  # for how long browsers insist on https
    trusted_proxies: str = ""  # networks whose X-Forwarded-For and -Proto are believed
    allowed_origins: str = ""  # sites whose scripts may read the API's answers; * for any
    rate_limits: str = ""  # off, or other numbers than haat.gateways.rest.paces has
    rate_limits_exempt: str = LOOPBACK  # networks that are not counted
    metrics_public: bool = False  # /metrics answers other machines, too
    # Networks that webhooks may be sent to though they are not public, as "10.1.0.0/16, ::1"; and
    # whether without TLS. For development.
    webhooks_allow_private: str = ""
    webhooks_allow_http: bool = False
    egress_allow: str = ""  # hosts that alone may be called, and `webhooks`; empty: any

    @field_validator("rpc_token")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        words = value.get_secret_value().split(",")
        if any(len(word.strip()) < TOKEN_MIN_CHARS for word in words if word.strip()):
            raise ValueError(f"a token has at least {TOKEN_MIN_CHARS} characters")
        return value

    @field_validator("trusted_proxies", "rate_limits_exempt")
    @classmethod
    def _networks(cls, value: str) -> str:
        if value not in ("", LOOPBACK):
            from haat.engines.http.pacing import networks

            networks(value)
        return value

    @field_validator("allowed_origins")
    @classmethod
    def _origins(cls, value: str) -> str:
        if value:
            from haat.engines.http.origins import origins

            origins(value)
        return value

    @field_validator("rate_limits")
    @classmethod
    def _paces(cls, value: str) -> str:
        if value:
            from haat.gateways.rest.paces import paces

            paces(value)
        return value

    @field_validator("log_forward")
    @classmethod
    def _collector(cls, value: str) -> str:
        if value:
            from haat.engines.telemetry.forwarding import parsed

            parsed(value)
        return value

    @field_validator("egress_allow")
    @classmethod
    def _hosts(cls, value: str) -> str:
        if value:
            from haat.engines.http.egress import entries_of

            entries_of(value)
        return value

    @model_validator(mode="after")
    def _whole(self) -> "AppSettings":
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("HAAT_TLS_CERT and HAAT_TLS_KEY go together")
        if len({one is None for one in (self.rpc_ca, self.rpc_cert, self.rpc_key)}) > 1:
            raise ValueError("HAAT_RPC_CA, HAAT_RPC_CERT and HAAT_RPC_KEY go together")
        return self

    @property
    def is_secure(self) -> bool:
        """Whether people reach the site by https, from us or from a proxy before us."""
        return self.site.startswith("https://")

    @field_validator("webhooks_allow_private")
    @classmethod
    def _private_networks(cls, value: str) -> str:
        if value:
            from haat.engines.http.addresses import networks

            networks(value)
        return value

    @field_validator("public_url")
    @classmethod
    def _no_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @property
    def importing(self) -> int:
        """How many processes are called to write imported goods: all processors but one, which
        tells of them and indexes them."""
        if self.importers is not None:
            return self.importers
        return min(max(processors() - 1, 1), 4)

    @property
    def folder(self) -> Path:
        """The data folder, absolute."""
        return self.data.expanduser().resolve()

    @property
    def site(self) -> str:
        """The address people use, without a slash at the end."""
        scheme = "https" if self.tls_cert else "http"
        return self.public_url or f"{scheme}://localhost:{self.port}"

    @property
    def is_here(self) -> bool:
        """Whether the site's name means this machine, for whoever uses it."""
        return urlsplit(self.site).hostname in ("localhost", "127.0.0.1", "::1")

    @property
    def takes_test_cards(self) -> bool:
        """Whether the test card network is started. Its cards pay with nothing."""
        return self.demo if self.test_cards is None else self.test_cards

    @property
    def secret_path(self) -> Path:
        return self.secret_file or self.folder / "secret.key"

    @property
    def erased_path(self) -> Path:
        """The list of who was erased: ids. Best kept where neither data nor backups are."""
        return self.erased or self.folder / "erased.txt"

    @property
    def sql_folder(self) -> Path:
        """Where the embedded PostgreSQL has its cluster, if there is one."""
        return self.folder / "postgres"

    def sql_of(self, module: str) -> str:
        """The database of one module: HAAT_SQL_URL_ORDERS, else its group's, HAAT_SQL_URL_TRADE,
        else the common one."""
        return _for(module, "HAAT_SQL_URL") or self.sql_url.get_secret_value()

    @property
    def bus(self) -> str:
        """Where the bus is; the common database when nothing is said."""
        return self.bus_url.get_secret_value() or self.sql_url.get_secret_value()

    @property
    def bus_database(self) -> str:
        """The database with the schema `bus`: the bus itself, or what a broker needs beside it."""
        if not self.bus.startswith(("nats:", "nats+tls:", "tls:", "amqp:", "amqps:")):
            return self.bus
        return self.bus_sql_url.get_secret_value() or self.sql_url.get_secret_value()

    def peer_of(self, module: str) -> str:
        """Where a module that is not in this process answers: HAAT_RPC_URL_ORDERS, else its
        group's, HAAT_RPC_URL_TRADE, else a host of its name."""
        return _for(module, "HAAT_RPC_URL") or f"http://{module}:4004"

    @property
    def cache(self) -> str:
        """What all processes of the market share: nothing is kept when nothing is said. A memory
        of its own is right for a process that is the only one (`memory://`)."""
        return self.cache_url.get_secret_value() or "none://"

    @property
    def blob(self) -> str:
        return self.blob_url.get_secret_value() or str(self.folder / "blobs")

    @property
    def search(self) -> str:
        """Where the index is that this process reads, and writes if nobody else does."""
        return self.search_url.get_secret_value() or str(self.folder / "search")

    @property
    def mail(self) -> str:
        return self.mail_url.get_secret_value() or f"file://{self.folder / 'mail'}"

    @property
    def sms(self) -> str:
        return self.sms_url.get_secret_value() or f"file://{self.folder / 'sms'}"


def _for(module: str, name: str) -> str:
    """An address of a module, or of the group it is in; '' when neither is set."""
    places = (module, group_of(module))
    return next((said for p in places if (said := given(f"{name}_{p.upper()}"))), "")


def processors() -> int:
    """Those that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # elsewhere than on Linux
        return os.cpu_count() or 1
