"""Telephone numbers: a code of six digits goes out in a text message and proves the number.

A code is kept as a hash keyed with the market's secret, and bound to its person and number. A try
is counted before the code is looked at, so that many at once are no way around.
"""

import secrets
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from haat.domains.people.identity.api import CodeWrong, Phone, TextsAway, TooManyLetters
from haat.domains.people.identity.rules import attempt_key, phone_number
from haat.domains.people.identity.service.allowing import Allowance, admitted
from haat.domains.people.identity.service.hosting import WithHost
from haat.engines.sms import Sms, Text
from haat.engines.sql import Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Unauthenticated, Unavailable
from haat.kernel.ids import RandomIds

PHONE = Sql("""
SELECT number, verified_at, pending, code_until FROM identity.phones WHERE person_id = $1
""")
ASK = Sql("""
INSERT INTO identity.phones AS p (person_id, pending, code_hash, code_until)
SELECT id, $2, $3, $4 FROM identity.people WHERE id = $1
ON CONFLICT (person_id) DO UPDATE
   SET pending = excluded.pending, code_hash = excluded.code_hash,
       code_until = excluded.code_until, tries = 0
RETURNING number, verified_at, pending, code_until
""")
TRY = Sql("""
UPDATE identity.phones SET tries = tries + 1
 WHERE person_id = $1 AND code_hash IS NOT NULL AND code_until > $2 AND tries < $3
RETURNING pending
""")
VERIFY = Sql("""
UPDATE identity.phones
   SET number = pending, verified_at = $2, pending = NULL, code_hash = NULL, code_until = NULL
 WHERE person_id = $1 AND code_hash = $3 AND code_until > $2
RETURNING number, verified_at, pending, code_until
""")
FORGET = Sql("DELETE FROM identity.phones WHERE person_id = $1")

DIGITS = 6
CODE_SPAN = timedelta(minutes=10)
TRIES_MAX = 5
DAY = timedelta(days=1)
# Text messages cost money, and premium numbers earn it: each of these bounds somebody's bill.
SENDS_MAX, SENDS_IN = 5, timedelta(hours=1)  # to one person, and to one number
SENDS_MAX_ORIGIN = 20  # from one origin in a day


class WithPhones(WithHost):
    """The part about telephone numbers. The service gives `_sms`."""

    _sms: Sms

    async def phone(self, ctx: Context) -> Phone:
        row = await self._db.fetchrow(PHONE, ctx.person_id)
        return _phone(row, ctx) if row is not None else Phone()

    async def ask_phone_code(
        self, ctx: Context, *, number: str, origin: str | None = None
    ) -> Phone:
        person_id, full = ctx.person_id, phone_number(number)
        asked = [
            Allowance(attempt_key("texts of", str(person_id)), SENDS_MAX, SENDS_IN),
            Allowance(attempt_key("texts to", full), SENDS_MAX, SENDS_IN),
        ]
        if origin is not None:
            asked.append(Allowance(attempt_key("texts from", origin), SENDS_MAX_ORIGIN, DAY))
        found = await admitted(self._db, ctx, asked)
        for one in asked:
            if one.key not in found:
                raise TooManyLetters(
                    "You asked for several codes already; try again later.",
                    retryAfterS=one.wait_s,
                )
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        market = (await self._market.settings(ctx)).name
        until = ctx.now() + CODE_SPAN
        row = await self._db.fetchrow(
            ASK, person_id, full, self._phone_hash(person_id, full, code), until
        )
        if row is None:
            raise Unauthenticated  # a token may outlive its account
        text = Text(
            id=RandomIds(ctx.clock).new(),
            to=full,
            text=f"{code} is your code for {market}. Tell it to nobody.",
        )
        try:
            await self._sms.send(ctx, text)
        except Unavailable as error:
            raise TextsAway from error
        return _phone(row, ctx)

    async def verify_phone(self, ctx: Context, *, code: str) -> Phone:
        person_id, now = ctx.person_id, ctx.now()
        plain = "".join(c for c in code if c.isalnum())
        pending = await self._db.fetch(TRY, person_id, now, TRIES_MAX)
        if pending:
            hashed = self._phone_hash(person_id, pending[0]["pending"], plain)
            rows = await self._db.fetch(VERIFY, person_id, now, hashed)
            if rows:
                return _phone(rows[0], ctx)
        message = "This code is wrong or too old. Ask for a new one after five tries."
        raise CodeWrong.at("code", message, "code_wrong")

    async def forget_phone(self, ctx: Context) -> Phone:
        await self._db.execute(FORGET, ctx.person_id)
        return Phone()

    def _phone_hash(self, person_id: UUID, number: str, code: str) -> bytes:
        """What a code is compared with; a million codes are tried in no time without the key."""
        signed = self._signer.sign("phone code", f"{person_id}:{number}:{code}")
        return sha256(signed.encode("utf-8", "replace")).digest()


def _phone(row: Record, ctx: Context) -> Phone:
    until = row["code_until"]
    waits = until is not None and until > ctx.now()
    return Phone(
        number=row["number"],
        verified_at=row["verified_at"],
        pending=row["pending"] if waits else None,
        pending_until=until if waits else None,
    )
