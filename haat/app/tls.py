"""The certificate we answer https with: looked at before anything starts, and watched for a new
one, which comes into force by replacing every process, one after another."""

import os
import ssl
from pathlib import Path

from haat.app.installation import CannotStart
from haat.app.settings import AppSettings

LOOK_S = 5.0
State = tuple[tuple[int, int, int], ...]


def check_certificate(settings: AppSettings) -> None:
    """CannotStart when there is one and it cannot be used."""
    why = _fault(settings)
    if why:
        raise CannotStart(f"HAAT_TLS_CERT and HAAT_TLS_KEY cannot be used: {why}")


def addresses_of(settings: AppSettings) -> dict[str, str]:
    """What modules are told of an https site that has no HAAT_PUBLIC_URL: they link to it, and the
    test card network calls it by the name that the certificate is for."""
    if settings.tls_cert is None:
        return {}
    webhook = f"{settings.site}/api/v1/payments/webhook/test"
    given = os.environ.get("HAAT_TESTCARD_WEBHOOK_URL") or webhook
    return {"HAAT_PUBLIC_URL": settings.site, "HAAT_TESTCARD_WEBHOOK_URL": given}


class Certificate:
    """Says when the files of the certificate are others, and good."""

    def __init__(self, settings: AppSettings) -> None:
        self._settings = settings
        self._known = self._state()
        self._next = 0.0
        self.fault = ""  # of new files that cannot be used; the old certificate stays in force

    def is_new(self, now: float) -> bool:
        """Looks at most every LOOK_S of the monotonic clock `now`."""
        if self._settings.tls_cert is None or now < self._next:
            return False
        self._next = now + LOOK_S
        state = self._state()
        if state == self._known:
            return False
        self.fault = _fault(self._settings)
        if self.fault:
            return False  # such as a key that is written after its certificate
        self._known = state
        return True

    def _state(self) -> State:
        """Also of what a link leads to, as a renewal leaves it."""
        found = []
        for path in (self._settings.tls_cert, self._settings.tls_key):
            try:
                stat = Path(path or "").stat()
            except OSError:
                found.append((0, 0, 0))
            else:
                found.append((stat.st_ino, stat.st_mtime_ns, stat.st_size))
        return tuple(found)


def _fault(settings: AppSettings) -> str:
    if settings.tls_cert is None or settings.tls_key is None:
        return ""
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(settings.tls_cert, settings.tls_key, password=_no_password)
    except ssl.SSLError as error:
        return str(error.reason or "they do not belong together").replace("_", " ").lower()
    except OSError as error:
        return str(error.strerror)
    except ValueError as error:
        return str(error)
    return ""


def _no_password() -> str:
    raise ValueError("the key is locked with a password; use one that is not")
