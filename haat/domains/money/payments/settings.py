"""Where payment providers are, and the keys for them."""

from pathlib import Path

from pydantic import SecretStr

from haat.kernel.settings import Settings


class PaymentsSettings(Settings):
    """HAAT_TESTCARD_URL and so on. A provider without its address or keys is not offered."""

    testcard_url: str = ""  # the test card network's API
    testcard_public_url: str = ""  # how browsers reach it; the same when empty
    testcard_secret_file: Path | None = None  # holds the bearer key; the network makes it
    testcard_webhook_url: str = ""  # how it reaches us; this machine's own port when empty

    stripe_secret_key: SecretStr = SecretStr("")  # sk_…
    stripe_publishable_key: str = ""  # pk_…
    stripe_webhook_secret: SecretStr = SecretStr("")  # whsec_…
    stripe_url: str = "https://api.stripe.com"
    stripe_connect_country: str = "US"  # where vendors' accounts are opened

    paypal_client_id: str = ""
    paypal_client_secret: SecretStr = SecretStr("")
    paypal_webhook_id: str = ""
    paypal_url: str = "https://api-m.paypal.com"  # https://api-m.sandbox.paypal.com to try it

    bank_iban: str = ""  # the market's own account: with it, bank transfer is offered
    bank_bic: str = ""
    bank_holder: str = ""
    bank_transfer_days: int = 7  # how long an order waits for its transfer

    cash_on_delivery: bool = False
    recorded_payments: bool = False  # staff record money that came another way

    failure_alert_percent: int = 50  # of the payments of the last failure_alert_minutes,
    failure_alert_minimum: int = 10  # when at least so many failed
    failure_alert_minutes: int = 15

    port: int = 4004
    data: Path = Path("data")  # where `haat doctor` says how its own card network is reached
