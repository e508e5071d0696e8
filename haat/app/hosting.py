"""`haat run` of a part that has nothing to look after: this process becomes the server itself.

So it is when everything it stands on has an address and its HTTP processes do the background work,
too (HAAT_BACKGROUND=0): in a Procfile, in a container.
"""

import os
import socket
import sys
import time
from typing import NoReturn

from haat.app.installation import CannotStart
from haat.app.settings import AppSettings
from haat.app.targets import names_in, packages_of
from haat.app.tls import addresses_of, check_certificate
from haat.gateways.grpc.settings import GrpcSettings
from haat.kernel.errors import Unavailable

ANSWER_WAIT_S = 120.0  # for the database, and for whoever migrates it
LOOK_S = 0.2


def stands_alone(settings: AppSettings) -> bool:
    """Whether there is nothing to start beside the server."""
    cards = not settings.takes_test_cards or "HAAT_TESTCARD_URL" in os.environ
    given = bool(settings.sql_url.get_secret_value())
    return settings.background == 0 and given and cards and not GrpcSettings().open


def host(settings: AppSettings, target: str) -> NoReturn:
    """Waits for the database to be there and migrated, then serves the target."""
    from haat.app.migrating import behind, places  # not for a supervisor, which asks only above

    found = places(settings, packages_of(names_in(target)))
    until = time.monotonic() + ANSWER_WAIT_S
    while True:
        try:
            late = behind(found)
            why = f"schemas are behind: {', '.join(late)}; run `haat migrate`"
        except Unavailable as error:
            late, why = [""], error.detail
        if not late:
            break
        if time.monotonic() > until:
            raise CannotStart(why)
        time.sleep(LOOK_S)
    check_certificate(settings)
    environment = {**os.environ, "HAAT_TARGET": target, **addresses_of(settings)}
    os.execve(sys.executable, [sys.executable, "-m", "haat.app.serving"], environment)


def await_port(host: str, port: int, within_s: float) -> None:
    """Until something listens there; CannotStart."""
    until = time.monotonic() + within_s
    while True:
        try:
            socket.create_connection((host, port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise CannotStart(f"nothing answers at {host}, port {port}") from None
            time.sleep(LOOK_S / 4)
