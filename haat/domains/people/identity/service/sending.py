"""Sends the letters that are due: claims some under a lease, finds whom they are for, hands over.

A link is made when its mail is: a letter that is sent twice carries the same text and Message-ID.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from haat.domains.people.identity import letters
from haat.domains.people.identity.service.recovering import Recovering
from haat.domains.people.market.api import Market
from haat.engines.mail import Mail, Message
from haat.engines.sql import Record, Sql
from haat.kernel.context import Context
from haat.kernel.errors import Invalid, Problem

log = structlog.get_logger()

# Whether there is an account is found out here, in the background, and nowhere before.
CLAIM = Sql("""
WITH due AS (
  SELECT id FROM identity.letters WHERE sent_at IS NULL AND due_at <= $1 AND expires_at > $1
   ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
), claimed AS (
  UPDATE identity.letters l
     SET due_at = $2, attempts = l.attempts + 1,
         person_id = coalesce(l.person_id, (
           SELECT p.id FROM identity.people p
            WHERE p.email = l.address AND p.status <> 'blocked' AND NOT p.demo))
    FROM due WHERE l.id = due.id
  RETURNING l.id, l.kind, l.address, l.person_id, l.attempts, l.created_at, l.expires_at
)
SELECT c.*, p.email, p.name
  FROM claimed c LEFT JOIN identity.people p ON p.id = c.person_id AND NOT p.demo
""")
SENT = Sql("UPDATE identity.letters SET sent_at = $2 WHERE id = ANY($1::uuid[])")
LATER = Sql("UPDATE identity.letters SET due_at = $2 WHERE id = ANY($1::uuid[])")
NOBODYS = Sql("DELETE FROM identity.letters WHERE id = ANY($1::uuid[])")

BATCH = 30
BATCHES_MAX = 20
LEASE = timedelta(minutes=10)
AGAIN_S = 15
ATTEMPTS_MAX = 8  # the last within the half hour for which a link is good


class Sending(Recovering):
    """The part that sends. The service gives the attributes below."""

    _mail: Mail
    _market: Market
    _site: str

    async def send_letters(self, ctx: Context) -> int:
        """Sends what is due; how many were handed over."""
        sent = 0
        for _ in range(BATCHES_MAX):
            now = ctx.now()
            rows = await self._db.fetch(CLAIM, now, now + LEASE, BATCH)
            if not rows:
                break
            done, away = await self._send_all(ctx, rows)
            sent += done
            if away or len(rows) < BATCH:
                break
        return sent

    async def _send_all(self, ctx: Context, rows: Sequence[Record]) -> tuple[int, bool]:
        market = (await self._market.settings(ctx)).name
        sent, later, nobodys = [], [], []
        away = False
        for row in rows:
            if row["email"] is None or row["email"] != row["address"]:
                nobodys.append(row["id"])
                continue
            try:
                if away:
                    later.append(row["id"])
                    continue
                await self._mail.send(self._message(row, market))
                sent.append(row["id"])
            except Invalid as problem:  # refused for good
                log.warning("mail_refused", mail=str(row["id"]), code=problem.code)
                nobodys.append(row["id"])
            except Problem as problem:
                log.warning("mail_not_sent", mail=str(row["id"]), code=problem.code)
                later.append(row["id"])
                away = True
        now = ctx.now()
        await self._db.execute(SENT, sent, now)
        await self._db.execute(NOBODYS, nobodys)
        await self._db.execute(LATER, later, _next(now, rows))
        return len(sent), away

    def _message(self, row: Record, market: str) -> Message:
        kind: str = row["kind"]
        link = ""
        if path := letters.WORDS[kind].path:
            token = self._signer.sign(kind, str(row["id"]), row["expires_at"])
            link = f"{self._site}{path}?token={token}"
        seconds = int((row["expires_at"] - row["created_at"]).total_seconds())
        parts = (kind, row["name"], market, self._site, link, seconds)
        return Message(
            id=row["id"],
            to=row["email"],
            subject=letters.subject(kind, market),
            text=letters.plain(*parts),
            html=letters.html(*parts),
        )


def _next(now: datetime, rows: Sequence[Record]) -> datetime:
    """When those that could not be handed over are tried again; a letter ends by its expiry."""
    tries: int = min(min(row["attempts"] for row in rows), ATTEMPTS_MAX)
    return now + timedelta(seconds=AGAIN_S << (tries - 1))
