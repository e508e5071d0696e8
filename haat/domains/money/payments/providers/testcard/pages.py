"""The pages of the test card network: plain HTML that works on a phone and without a script.

Every function is pure and answers a whole page; every value is escaped here and nowhere else.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from hashlib import sha256
from html import escape
from string import Template
from typing import Final
from urllib.parse import urlencode

from .network import ACCOUNTS, CARDS, Intent

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8a8f98; --pay: #1d4ed8; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 32rem; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 1rem 0 .25rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .25rem; }
.note, .wrong { border-left: .25rem solid #b45309; margin: 0; padding: .25rem .75rem; }
.wrong { border-color: #dc2626; font-weight: 600; }
.sum { font-size: 1.6rem; font-weight: 700; margin: 0; }
label { display: block; margin: .75rem 0 .25rem; }
input { font: inherit; width: 100%; min-height: 2.75rem; padding: .5rem .75rem;
  border: 1px solid var(--line); border-radius: .5rem; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
button { font: inherit; font-weight: 600; width: 100%; min-height: 3rem; margin-top: 1rem;
  border: 2px solid var(--pay); border-radius: .5rem; background: var(--pay); color: #fff;
  cursor: pointer; }
button.plain { background: transparent; color: inherit; border-color: var(--line); }
:focus-visible { outline: 3px solid #f59e0b; outline-offset: 2px; }
ul { list-style: none; margin: 0; padding: 0; }
li { border-bottom: 1px solid color-mix(in srgb, var(--line) 40%, transparent); }
li a { display: block; min-height: 2.75rem; padding: .5rem 0; color: inherit; }
li span, dd { display: block; opacity: .8; margin: 0; }
dt, li b { font-family: ui-monospace, monospace; font-weight: 600; }
"""
# For a content policy: the one style that these pages have.
STYLE_HASH: Final = b64encode(sha256(_STYLE.encode()).digest()).decode()
_PAGE: Final = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title · Test card network</title>
<style>$style</style>
</head>
<body>
<main>
<p class="note">Test card network: no real money moves. Never type a real card.</p>
$content
</main>
</body>
</html>
""")
# Currencies whose minor unit is not a hundredth; only needed to show an amount to a person.
_NO_DECIMALS: Final = ("BIF", "CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF", "XPF")
_THREE_DECIMALS: Final = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")


def payment(intent: Intent, back: str, number: str, wrong: str, now: datetime) -> str:
    """The card form. `number` fills it in with a test card, `wrong` says what to correct."""
    this = f"/pay/{intent.id}"
    ready = (f"12/{now.year % 100 + 4:02}", "123") if number else ("", "")
    alert = f'<p class="wrong" role="alert" id="wrong">{escape(wrong)}</p>' if wrong else ""
    described = ' aria-describedby="wrong" aria-invalid="true"' if wrong else ""
    leaving = escape(going_back(back, intent.id, "cancelled")) if back else ""
    leave = f'<p><a href="{leaving}">Cancel and go back</a></p>' if back else ""
    cards = "".join(
        f'<li><a href="{escape(this + "?" + urlencode({"card": c.number, "return_url": back}))}">'
        f"<b>{_grouped(c.number)}</b><span>{escape(c.about)}</span></a></li>"
        for c in CARDS
    )
    content = f"""<h1>Pay by card</h1>
<p class="sum">{escape(amount(intent))}</p>
<p>For {escape(intent.reference)}</p>
{alert}
<form method="post" action="{this}">
<input type="hidden" name="return_url" value="{escape(back)}">
<label for="number">Card number</label>
<input id="number" name="number" inputmode="numeric" autocomplete="cc-number" required
 maxlength="23" value="{escape(_grouped(number))}"{described}>
<div class="pair">
<div><label for="expiry">Expiry, MM/YY</label>
<input id="expiry" name="expiry" inputmode="text" autocomplete="cc-exp" required
 maxlength="9" value="{ready[0]}"></div>
<div><label for="cvc">Security code</label>
<input id="cvc" name="cvc" inputmode="numeric" autocomplete="cc-csc" required
 maxlength="4" value="{ready[1]}"></div>
</div>
<button>Pay {escape(amount(intent))}</button>
</form>
{leave}
<h2>Test cards</h2>
<p>Choose one to fill in the form.</p>
<ul>{cards}</ul>"""
    return _page("Pay by card", content)


def three_ds(intent: Intent, back: str) -> str:
    """The bank's page of 3-D Secure: approve or fail."""
    content = f"""<h1>Is this you?</h1>
<p>Your bank asks you to approve this payment (3-D Secure).</p>
<p class="sum">{escape(amount(intent))}</p>
<p>For {escape(intent.reference)}, card ending in {escape(intent.card_number[-4:])}</p>
<form method="post" action="/3ds/{intent.id}">
<input type="hidden" name="return_url" value="{escape(back)}">
<button name="outcome" value="approve">Approve</button>
<button name="outcome" value="fail" class="plain">Fail</button>
</form>"""
    return _page("3-D Secure", content)


def message(title: str, text: str, link: str = "", label: str = "") -> str:
    """A page that says one thing, with at most one way on."""
    way = f'<p><a href="{escape(link)}">{escape(label)}</a></p>' if link else ""
    return _page(title, f"<h1>{escape(title)}</h1><p>{escape(text)}</p>{way}")


def index() -> str:
    """All test cards and bank accounts."""
    rows = [
        "".join(f"<dt>{escape(number)}</dt><dd>{escape(about)}</dd>" for number, about in table)
        for table in (
            [(_grouped(c.number), c.about) for c in CARDS],
            [(a.number, a.about) for a in ACCOUNTS],
        )
    ]
    content = f"""<h1>Test card network</h1>
<p>Any month that is not over and any security code will do.</p>
<h2>Cards</h2><dl>{rows[0]}</dl>
<h2>Bank accounts for payouts</h2><dl>{rows[1]}</dl>"""
    return _page("Test cards", content)


def going_back(back: str, intent_id: str, result: str) -> str:
    """The shop's address with `intent` and `result` added to its query."""
    plain, _, anchor = back.partition("#")
    query = urlencode({"intent": intent_id, "result": result})
    return f"{plain}{'&' if '?' in plain else '?'}{query}{'#' + anchor if anchor else ''}"


def amount(intent: Intent) -> str:
    """The amount as people write it, such as `12.99 USD`."""
    places = 2
    if intent.currency in _NO_DECIMALS:
        places = 0
    elif intent.currency in _THREE_DECIMALS:
        places = 3
    whole, part = divmod(intent.amount_minor, 10**places)
    return f"{whole:,}{f'.{part:0{places}}' if places else ''} {intent.currency}"


def _grouped(number: str) -> str:
    return " ".join(number[at : at + 4] for at in range(0, len(number), 4))


def _page(title: str, content: str) -> str:
    return _PAGE.substitute(title=escape(title), style=_STYLE, content=content)
