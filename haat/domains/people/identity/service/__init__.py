"""Identity's use cases, by what they are about."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from haat.domains.people.identity.api import Identity
from haat.domains.people.identity.breached import Breached
from haat.domains.people.identity.guessable import said_of
from haat.domains.people.identity.host import HostOptions, HostSystem
from haat.domains.people.identity.passwords import Passwords
from haat.domains.people.identity.providers.registry import providers_of
from haat.domains.people.identity.providers.settings import ProviderOptions
from haat.domains.people.identity.service.lifetimes import Lifetimes
from haat.domains.people.identity.service.requiring import Required, Step, VendorStep
from haat.domains.people.identity.service.resetting import Resetting
from haat.domains.people.market.api import Market
from haat.engines.http import Signer, Tokens
from haat.engines.http.client import HttpClient
from haat.engines.mail import Mail
from haat.engines.sms import Sms
from haat.engines.sql import Database
from haat.kernel.settings import Settings


class IdentityOptions(Settings):
    """Costs of a password's hash (Argon2id; memory in KiB), how long tokens and links live, what a
    password must be, and whether an address is to be proved.

    A session ends `refresh_ttl_days` after its last use and `session_days` after its beginning,
    staff's by times of their own; a person has at most `sessions_max` at once.
    `password_hashes_at_once` times `password_memory_kib` bounds what hashing takes of a process.
    A code of an app is taken for its 30 seconds and `totp_late_s` more.
    What staff reset is done `factor_reset_hours` after its approval.
    For `step_up_minutes` after proving who they are people may do what asks for proof; where a
    second step is required (of staff: unless it is a `demo`), who signed in without one sets it up
    before anything that it is asked for.
    `breached_passwords` is a file of SHA-1 hashes as Have I Been Pwned hands it out;
    no password is made of the `password_words` (with commas between them), of the market's name or
    its vendors'. `sign_in` are
    other providers by their names: HAAT_SIGN_IN__GOOGLE__CLIENT_ID.
    """

    model_config = SettingsConfigDict(
        env_prefix="HAAT_", env_nested_delimiter="__", frozen=True, extra="ignore"
    )

    password_memory_kib: int = 19_456
    password_passes: int = 2
    password_hashes_at_once: int = 2
    password_min_chars: Annotated[int, Field(ge=8, le=64)] = 8
    breached_passwords: Path | None = None
    password_words: Annotated[str, Field(max_length=20_000)] = ""
    access_ttl_minutes: Annotated[int, Field(ge=1, le=1440)] = 15
    refresh_ttl_days: Annotated[int, Field(ge=1, le=365)] = 30
    session_days: Annotated[int, Field(ge=1, le=365)] = 90
    staff_idle_minutes: Annotated[int, Field(ge=5, le=43_200)] = 120
    staff_session_hours: Annotated[int, Field(ge=1, le=720)] = 12
    sessions_max: Annotated[int, Field(ge=1, le=1000)] = 25
    sign_in_history_days: Annotated[int, Field(ge=1, le=3650)] = 90
    factor_reset_hours: Annotated[int, Field(ge=1, le=720)] = 48
    totp_late_s: Annotated[int, Field(ge=0, le=30)] = 0
    step_up_minutes: Annotated[int, Field(ge=1, le=60)] = 10
    staff_second_step: Step | None = None
    vendor_second_step: VendorStep = "optional"
    customer_second_step: Step = "optional"
    demo: bool = True
    email_verification: Literal["required", "off"] = "required"
    reset_link_minutes: Annotated[int, Field(ge=5, le=1440)] = 30
    verify_link_hours: Annotated[int, Field(ge=1, le=168)] = 24
    sign_in: dict[str, ProviderOptions] = {}
    public_url: str = ""  # without it the site is on this machine
    port: Annotated[int, Field(ge=1, le=65_535)] = 4004

    @property
    def required(self) -> Required:
        """Of staff a market asks it unless it says otherwise, or is there to be looked at."""
        staff = self.staff_second_step or ("optional" if self.demo else "required")
        return Required(
            staff=staff == "required",
            vendors=self.vendor_second_step,
            everybody=self.customer_second_step == "required",
        )

    @property
    def site(self) -> str:
        return self.public_url.rstrip("/") or f"http://localhost:{self.port}"


class IdentityService(Resetting, Identity):
    """Accounts and sessions on one schema."""

    def __init__(
        self,
        db: Database,
        tokens: Tokens,
        signer: Signer,
        mail: Mail,
        sms: Sms,
        http: HttpClient,
        market: Market,
        options: IdentityOptions,
        host: HostOptions,
    ) -> None:
        self._db = db
        self._tokens = tokens
        self._signer = signer
        self._mail = mail
        self._market = market
        self._sms = sms
        self._site = options.site
        self._providers = providers_of(options.sign_in, http, options.site)
        self._host = HostSystem(host, http) if host.host_issuer else None
        self._host_label = host.host_label if host.host_issuer else ""
        self._access = timedelta(minutes=options.access_ttl_minutes)
        self._lifetimes = Lifetimes(
            idle=timedelta(days=options.refresh_ttl_days),
            life=timedelta(days=options.session_days),
            staff_idle=timedelta(minutes=options.staff_idle_minutes),
            staff_life=timedelta(hours=options.staff_session_hours),
            most=options.sessions_max,
        )
        self._history = timedelta(days=options.sign_in_history_days)
        self._proof_span = timedelta(minutes=options.step_up_minutes)
        self._reset_delay = timedelta(hours=options.factor_reset_hours)
        self._totp_late_s = options.totp_late_s
        self._required = options.required
        self._reset_span = timedelta(minutes=options.reset_link_minutes)
        self._verify_span = timedelta(hours=options.verify_link_hours)
        self._verifies = options.email_verification == "required"
        self._least = options.password_min_chars
        named = [said_of(word) for word in options.password_words.split(",")]
        self._words = frozenset().union(*named)
        self._breached = Breached(options.breached_passwords)
        self._passwords = Passwords(
            memory_kib=options.password_memory_kib,
            passes=options.password_passes,
            at_once=options.password_hashes_at_once,
        )
