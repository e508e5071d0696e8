"""Re-derives every balance from the transfers and names the first entry that does not add up."""

from uuid import UUID

from haat.domains.money.ledger import rules
from haat.engines.sql import Database, Record, Sql

_AT_ONCE = 5000

TRANSFERS = Sql("""
SELECT id, debit_id, credit_id, minor, currency, code, reference, pending, at, salt, hash
  FROM ledger.transfers WHERE id > $1 ORDER BY id LIMIT $2
""")
OUTCOMES = Sql("""
SELECT transfer_id, posted, at, salt, hash
  FROM ledger.outcomes WHERE transfer_id > $1 ORDER BY transfer_id LIMIT $2
""")
SUMS = Sql("""
WITH effect AS (
  SELECT t.id, t.debit_id, t.credit_id, t.minor, t.currency, t.at,
         NOT t.pending OR coalesce(o.posted, false) AS posted,
         t.pending AND o.transfer_id IS NULL AS waits
    FROM ledger.transfers t LEFT JOIN ledger.outcomes o ON o.transfer_id = t.id
), halves AS (
  SELECT debit_id AS account, currency, id, at, CASE WHEN posted THEN minor ELSE 0 END AS d, 0 AS c,
         CASE WHEN waits THEN minor ELSE 0 END AS pd, 0 AS pc FROM effect
  UNION ALL
  SELECT credit_id, currency, id, at, 0, CASE WHEN posted THEN minor ELSE 0 END,
         0, CASE WHEN waits THEN minor ELSE 0 END FROM effect
), derived AS (
  SELECT account, sum(d) AS d, sum(c) AS c, sum(pd) AS pd, sum(pc) AS pc,
         (array_agg(id ORDER BY at DESC, id DESC))[1] AS last_id,
         min(currency) AS lowest, max(currency) AS highest
    FROM halves GROUP BY account
)
SELECT a.id, a.kind, a.owner, a.currency, s.last_id,
       ARRAY[a.debits, a.credits, a.pending_debits, a.pending_credits] AS stored,
       ARRAY[coalesce(s.d, 0), coalesce(s.c, 0), coalesce(s.pd, 0), coalesce(s.pc, 0)]::bigint[]
         AS derived,
       coalesce(s.lowest <> a.currency OR s.highest <> a.currency, false) AS mixed
  FROM ledger.accounts a LEFT JOIN derived s ON s.account = a.id
 WHERE a.debits <> coalesce(s.d, 0) OR a.credits <> coalesce(s.c, 0)
    OR a.pending_debits <> coalesce(s.pd, 0) OR a.pending_credits <> coalesce(s.pc, 0)
    OR s.lowest <> a.currency OR s.highest <> a.currency
    OR (a.kind = 'escrow' AND a.credits - a.debits - a.pending_debits < 0)
 ORDER BY a.kind, a.id LIMIT $1
""")
BALANCED = Sql("""
SELECT currency, sum(debits) AS debits, sum(credits) AS credits,
       sum(pending_debits) AS pending_debits, sum(pending_credits) AS pending_credits
  FROM ledger.accounts GROUP BY currency
HAVING sum(debits) <> sum(credits) OR sum(pending_debits) <> sum(pending_credits)
 ORDER BY currency LIMIT $1
""")


async def prove(db: Database, limit: int = 1) -> list[str]:
    """Lines that name what does not add up, at most `limit`; empty when everything does."""
    found: list[str] = []
    for check in (_altered_transfers, _altered_outcomes, _wrong_sums, _unbalanced):
        if len(found) < limit:
            found += await check(db, limit - len(found))
    return found


async def _altered_transfers(db: Database, limit: int) -> list[str]:
    found: list[str] = []
    last = UUID(int=0)
    while rows := await db.fetch(TRANSFERS, last, _AT_ONCE):
        for row in rows:
            expected = _hash_of(row)
            if expected != row["hash"]:
                found.append(
                    f"ledger: transfer {row['id']} ({row['code']} {row['minor']} {row['currency']},"
                    f" debit {row['debit_id']}, credit {row['credit_id']}) was altered: expected"
                    f" hash {expected.hex()}, stored {row['hash'].hex()}"
                )
                if len(found) >= limit:
                    return found
        last = rows[-1]["id"]
    return found


def _hash_of(row: Record) -> bytes:
    return rules.transfer_hash(
        row["salt"],
        row["id"],
        (row["debit_id"], row["credit_id"]),
        (row["minor"], row["currency"]),
        (row["code"], row["reference"], row["pending"]),
        row["at"],
    )


async def _altered_outcomes(db: Database, limit: int) -> list[str]:
    found: list[str] = []
    last = UUID(int=0)
    while rows := await db.fetch(OUTCOMES, last, _AT_ONCE):
        for row in rows:
            expected = rules.outcome_hash(row["salt"], row["transfer_id"], row["posted"], row["at"])
            if expected != row["hash"]:
                found.append(
                    f"ledger: the outcome of transfer {row['transfer_id']} was altered: expected"
                    f" hash {expected.hex()}, stored {row['hash'].hex()}"
                )
                if len(found) >= limit:
                    return found
        last = rows[-1]["transfer_id"]
    return found


async def _wrong_sums(db: Database, limit: int) -> list[str]:
    found = []
    for row in await db.fetch(SUMS, limit):
        account = f"{row['kind']} account {row['id']}"
        if row["owner"] is not None:
            account += f" of {row['owner']}"
        last = f"its last transfer is {row['last_id']}" if row["last_id"] else "it has no transfer"
        if row["stored"] != row["derived"]:
            found.append(
                f"ledger: {account}: expected {_sums(row['derived'])} {row['currency']},"
                f" stored {_sums(row['stored'])}; {last}"
            )
        elif row["mixed"]:
            found.append(f"ledger: {account} has transfers in another currency; {last}")
        else:
            found.append(
                f"ledger: {account} holds less than nothing: {_sums(row['stored'])}; {last}"
            )
    return found


def _sums(values: list[int]) -> str:
    names = ("debits", "credits", "pending debits", "pending credits")
    return ", ".join(f"{name} {value}" for name, value in zip(names, values, strict=True))


async def _unbalanced(db: Database, limit: int) -> list[str]:
    return [
        f"ledger: {row['currency']}: debits {row['debits']} but credits {row['credits']}, pending"
        f" debits {row['pending_debits']} but pending credits {row['pending_credits']}"
        for row in await db.fetch(BALANCED, limit)
    ]
