"""Mail over SMTP (RFC 5321), one connection a mail, always with deadlines."""

import asyncio
import ipaddress

import aiosmtplib

from haat.engines.mail import MailRefused, Message, compose
from haat.kernel.clock import Clock
from haat.kernel.errors import Timeout, Unavailable

STEP_S = 10
MAIL_S = 30
_TLS_PORT = 465
_PLAIN_PORT = 25


class SmtpMail:
    """Fulfils `Mail`.

    With `tls` the connection is encrypted: from its first byte on port 465, by STARTTLS on any
    other, which must then succeed. Without it STARTTLS is used where the server offers it; a
    password is sent unencrypted to this machine only.
    """

    def __init__(
        self,
        host: str,
        port: int | None,
        *,
        user: str | None,
        password: str | None,
        tls: bool,
        sender: str,
        clock: Clock,
    ) -> None:
        self._host = host
        self._port = port or (_TLS_PORT if tls else _PLAIN_PORT)
        self._user = user
        self._password = password
        self._direct_tls = tls and self._port == _TLS_PORT
        must_start = not self._direct_tls and (tls or (bool(user) and not _is_here(host)))
        self._start_tls = True if must_start else (False if self._direct_tls else None)
        self._sender = sender
        self._clock = clock

    async def send(self, message: Message) -> None:
        mail = compose(message, self._sender, self._clock)
        try:
            async with asyncio.timeout(MAIL_S):
                await aiosmtplib.send(
                    mail,
                    hostname=self._host,
                    port=self._port,
                    username=self._user,
                    password=self._password,
                    use_tls=self._direct_tls,
                    start_tls=self._start_tls,
                    timeout=STEP_S,
                )
        except (TimeoutError, aiosmtplib.SMTPTimeoutError) as error:
            raise Timeout("The mail server took too long.") from error
        except aiosmtplib.SMTPRecipientsRefused as error:
            if all(refused.code >= 500 for refused in error.recipients):
                raise MailRefused from error
            raise _away() from error
        except aiosmtplib.SMTPAuthenticationError as error:
            # The server means this installation, not this mail: it may go once that is mended.
            raise Unavailable("The mail server refuses to let us in.", code="mail_away") from error
        except aiosmtplib.SMTPResponseException as error:
            raise (MailRefused() if error.code >= 500 else _away()) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise _away() from error


def _away() -> Unavailable:
    return Unavailable("The mail server does not answer.", code="mail_away")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
