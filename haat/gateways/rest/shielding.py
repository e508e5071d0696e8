"""Security headers: what browsers may do with an answer, by where it comes from."""

from collections.abc import Callable

from starlette.types import Scope

Headers = tuple[tuple[bytes, bytes], ...]

# Nothing here asks for any of these, so nothing that slips into a page can.
PERMISSIONS = (
    b"accelerometer=(), autoplay=(), camera=(), display-capture=(), geolocation=(), "
    b"gyroscope=(), hid=(), magnetometer=(), microphone=(), midi=(), payment=(), serial=(), "
    b"usb=(), xr-spatial-tracking=(), publickey-credentials-create=(self), "
    b"publickey-credentials-get=(self)"
)
EVERYWHERE: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
)
# An answer that does not say otherwise is for who asked, and kept nowhere.
OF_THE_API: Headers = (
    (b"cache-control", b"private, no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
# Pages say their own policy. What is no page, such as a PDF in the browser's viewer, runs nothing.
_RUNS_NOTHING = b"script-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
OF_PAGES: Headers = (
    (b"content-security-policy", _RUNS_NOTHING),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", PERMISSIONS),
)
# Pictures stand in mails and in other shops' lists.
OF_FILES: Headers = (
    (b"content-security-policy", _RUNS_NOTHING),
    (b"cross-origin-resource-policy", b"cross-origin"),
)
FILES = ("/media/", "/static/")
# Who leaves a shared machine leaves nothing behind on it.
LEAVING = "/sign-out"
_FORGET = (b"clear-site-data", b'"cache", "storage"')


def shields(api: tuple[str, ...], *, hsts_s: int) -> Callable[[Scope], Headers]:
    """The headers of an answer, by its request's path. `hsts_s`: for how many seconds browsers
    insist on https; 0 says nothing of it."""
    always = EVERYWHERE
    if hsts_s:
        insist = b"max-age=%d; includeSubDomains" % hsts_s
        always = (*EVERYWHERE, (b"strict-transport-security", insist))
    of_api, of_files, of_pages = (*always, *OF_THE_API), (*always, *OF_FILES), (*always, *OF_PAGES)

    def of(scope: Scope) -> Headers:
        path = scope["path"]
        if path.startswith(api):
            return of_api
        if path == LEAVING:
            return (*of_pages, _FORGET)
        return of_files if path.startswith(FILES) else of_pages

    return of
