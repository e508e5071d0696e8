"""TLS between the processes of a market: each shows a certificate of the market's own authority,
and believes no other (HAAT_RPC_CA, HAAT_RPC_CERT, HAAT_RPC_KEY).

`haat split --tls` makes authority and certificates. A certificate that is renewed is shown at the
next connection; who answers takes it when it is started again (`haat restart`).
"""

import asyncio
import ssl
from collections.abc import Iterable
from pathlib import Path

import structlog

from haat.app.installation import CannotStart
from haat.app.settings import AppSettings
from haat.app.targets import names_in, opens_site

LOOK_S = 5.0
log = structlog.get_logger()


class Between:
    """What this process shows to others of its market, and whom it believes."""

    def __init__(self, ca: Path, cert: Path, key: Path) -> None:
        self._files = (cert, key)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks names; trusts nobody yet
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        try:
            self.context.load_verify_locations(ca)
            self._state = self._look()
            self.context.load_cert_chain(cert, key)
        except OSError as error:  # of which ssl's are
            why = error.strerror or str(error)
            raise CannotStart(f"HAAT_RPC_CA, _CERT and _KEY cannot be used: {why}") from None

    def _look(self) -> list[tuple[int, int]]:
        return [(one.stat().st_mtime_ns, one.stat().st_size) for one in self._files]

    def renew(self) -> bool:
        """Takes files that are new and belong together; whether there were some."""
        try:
            state = self._look()
            if state == self._state:
                return False
            self.context.load_cert_chain(*self._files)
        except OSError as error:  # such as a key that is written after its certificate
            log.warning("rpc_certificate_unusable", error=str(error))
            return False
        self._state = state
        return True

    async def keep_new(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.renew()


def between(settings: AppSettings, remote: Iterable[str]) -> Between | None:
    """None where calls are plain http. CannotStart when the files cannot be used, or when one of
    these modules is reached by anything but https: there is no falling back."""
    if settings.rpc_ca is None or settings.rpc_cert is None or settings.rpc_key is None:
        return None
    for module in remote:
        url = settings.peer_of(module)
        if not url.startswith("https://"):
            raise CannotStart(f"with HAAT_RPC_CA, {module} is reached by https, not by {url}")
    return Between(settings.rpc_ca, settings.rpc_cert, settings.rpc_key)


def shows_to_peers(settings: AppSettings, target: str) -> bool:
    """Whether this process answers other processes of the market alone, by TLS on both sides.
    CannotStart where it would answer people and them at one port."""
    if settings.rpc_ca is None:
        return False
    if not opens_site(target):
        return True
    modules = names_in(target)
    if modules and "all" not in target.split(","):
        raise CannotStart("with HAAT_RPC_CA, the site stands alone: give its modules processes")
    return False
