"""Where payment providers are."""

from pathlib import Path

from haat.kernel.settings import Settings


class PaymentsSettings(Settings):
    """HAAT_TESTCARD_URL and so on. Without an address a provider is not offered."""

    testcard_url: str = ""  # the test card network's API
    testcard_public_url: str = ""  # how browsers reach it; the same when empty
    testcard_secret_file: Path | None = None  # holds the bearer key; the network makes it
    testcard_webhook_url: str = ""  # how it reaches us; this machine's own port when empty
    port: int = 4004
