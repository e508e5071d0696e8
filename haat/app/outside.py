"""Whom a process of this market may call: `HAAT_EGRESS_ALLOW` beside what other settings name."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from haat.app.installation import CannotStart
from haat.app.settings import AppSettings
from haat.engines.http.egress import Egress, unlisted


def egress_of(settings: AppSettings, modules: Sequence[str]) -> Egress:
    """The list, with the processes of this market. CannotStart when an engine is at a host that is
    not on it: one list shows all that is called."""
    peers = {urlsplit(settings.peer_of(module)).hostname or "" for module in modules}
    egress = Egress(settings.egress_allow, peers)
    if not egress.bounds:
        return egress
    urls = {f"HAAT_SQL_URL of {module}": settings.sql_of(module) for module in modules} | {
        "HAAT_BUS_URL": settings.bus,
        "HAAT_BUS_SQL_URL": settings.bus_database,
        "HAAT_CACHE_URL": settings.cache,
        "HAAT_BLOB_URL": settings.blob,
        "HAAT_MAIL_URL": settings.mail,
        "HAAT_SMS_URL": settings.sms,
        "HAAT_LOG_FORWARD": settings.log_forward,
        "HAAT_OTEL_ENDPOINT": settings.otel_endpoint,
    }
    missing = unlisted(egress, urls)
    if missing:
        raise CannotStart(f"{missing[0]} names a host that HAAT_EGRESS_ALLOW does not have")
    return egress
