"""The words of mails about an account itself: links that prove an address, and news that only its
owner should have caused. They go to the account's own address and are kept in no inbox of ours."""

from dataclasses import dataclass
from html import escape


@dataclass(frozen=True, slots=True)
class Words:
    """`path` is where the link leads, "" without one; "{span}" in a text is how long it is good,
    but for the last `beyond_s`."""

    title: str
    body: str
    path: str = ""
    beyond_s: int = 0


NOT_YOU = (
    "If it was not you, set a new password at {site}/forgot-password and look at your sessions at "
    "{site}/account/security."
)
WORDS = {
    "reset": Words(
        "Set a new password",
        "Somebody, we hope you, asked to set a new password for this account. The link works once"
        " and for {span}. If it was not you, do nothing: your password stays as it is.",
        "/reset-password",
    ),
    "verify": Words(
        "Confirm your e-mail address",
        "Follow the link and press the button to confirm that this address is yours. It works for"
        " {span}. If you made no account here, do nothing.",
        "/verify-email",
    ),
    "password_changed": Words(
        "Your password was changed",
        "The password of your account was changed, and its other sessions ended. " + NOT_YOU,
    ),
    "factor_added": Words(
        "A second step protects your account",
        "From now on signing in asks for a code or a passkey. " + NOT_YOU,
    ),
    "factor_removed": Words(
        "A second step was removed from your account",
        "Signing in asks for less from now on. " + NOT_YOU,
    ),
    "factor_reset_asked": Words(
        "Somebody asks us to remove your second step",
        "Our staff was told that every second step of this account is lost: its app, its recovery"
        " codes, its passkeys. If it was you, there is nothing to do now. " + NOT_YOU,
    ),
    "factor_reset": Words(
        "Your second step will be removed",
        "Two of our staff looked at what you showed them. The app, recovery codes and passkeys of"
        " this account will be removed, and its sessions ended, in {span}. If it was not you, or"
        " if you found them again, stop it by the link, or by signing in with one of them.",
        "/stop-factor-reset",
        beyond_s=72 * 3600,
    ),
    "factor_reset_done": Words(
        "Your second step was removed",
        "The app, recovery codes and passkeys of this account are removed, and its sessions are"
        " ended. Sign in with your password and set up a new second step. " + NOT_YOU,
    ),
    "connection_added": Words(
        "Another way to sign in was added",
        "Your account was connected to one at another service; signing in there opens it from now"
        " on. You find it at {site}/account/security. " + NOT_YOU,
    ),
    "connection_removed": Words(
        "A way to sign in was removed",
        "An account at another service no longer opens yours. " + NOT_YOU,
    ),
    "recovery_used": Words(
        "A recovery code was used",
        "Somebody signed in to your account with one of its recovery codes. " + NOT_YOU,
    ),
}


def subject(kind: str, market: str) -> str:
    return f"{WORDS[kind].title} · {market}"[:150]


def span(seconds: int) -> str:
    """How long a link is good, in words."""
    hours, minutes = seconds // 3600, seconds // 60
    if hours >= 2:
        return f"{hours} hours"
    return "one hour" if hours == 1 and seconds % 3600 == 0 else f"{minutes} minutes"


def plain(kind: str, name: str, market: str, site: str, link: str, seconds: int) -> str:
    body = _body(kind, site, seconds)
    parts = [f"Hello {name},", body, *([link] if link else []), market]
    return "\n\n".join(parts) + "\n"


def html(kind: str, name: str, market: str, site: str, link: str, seconds: int) -> str:
    body = escape(_body(kind, site, seconds))
    led = f'<p><a href="{escape(link)}">{escape(WORDS[kind].title)}</a></p>' if link else ""
    return (
        '<!doctype html><html lang="en"><body style="font-family:sans-serif">'
        f"<p>Hello {escape(name)},</p><p>{body}</p>{led}"
        f"<p>{escape(market)}</p></body></html>"
    )


def _body(kind: str, site: str, seconds: int) -> str:
    words = WORDS[kind]
    return words.body.format(site=site, span=span(max(seconds - words.beyond_s, 0)))
