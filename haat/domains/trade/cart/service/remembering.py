"""Putting something in without asking what it costs and how many are left, where both are known.

`cart.offers` remembers what catalog and inventory answered last. One statement then does what takes
three otherwise: it looks there, and puts the item in when that is certain to be right enough for a
courtesy. Nothing is refused by what is remembered: whatever does not go this way (an offer that is
not remembered, too few of it, a cart that is full or gone) is asked about, and decided by that.

- What is on sale, and for how much, is right until the catalogue tells that a product changed: then
  its offers are forgotten. (`KEPT` bounds what an answer that crossed such a change can do.)
- Of what was left, one is taken to be sold every second since. With 50 of something, the 40th
  second after the asking finds 10; two that were left are asked about again at once.

The price is the one a cart shows as "then"; nobody is charged by it. The quote reads prices and
stock, and the reservation alone decides who gets the goods.

The statements are of the ordinary case, and answer no rows in any other: `filling.py` has those
that know all cases and say what is wrong.
"""

from datetime import timedelta

from haat.domains.trade.cart.api import ITEMS_MAX
from haat.engines.sql import Sql

KEPT = timedelta(hours=1)
WORTH_FROM = 10  # fewer than this would be asked about again before it was any use

# In all of these: $1 the cart, $2 now, $3 until when it is kept, $4 the offer, $5 how many,
# $6 whether they are added to what is there, $7 since when what is remembered counts,
# $8 the most of one item. `sold` is what is known of the offer, if that will do.
_REMEMBERED = """sold AS (
  SELECT price, currency, most
    FROM (SELECT o.price, o.currency,
                 least(o.available - extract(epoch FROM $2::timestamptz - o.asked_at)::int, $8::int)
                     AS most
            FROM cart.offers o WHERE o.offer_id = $4::uuid AND o.asked_at > $7::timestamptz) known
   WHERE most >= $5::int),
"""
# The same of an offer that was asked about just now: its price ($9, $10) and how many are left
# ($11). That is remembered with its product ($12), where there is one. An answer that was asked for
# later stands. ($7 means nothing here, and is named so that it has a type.)
_ASKED = """sold AS (
  SELECT $9::bigint AS price, $10::text AS currency, least($11::int, $8::int) AS most
   WHERE $7::timestamptz IS NOT NULL),
"""
_REMEMBER = """remembered AS (
  INSERT INTO cart.offers AS o (offer_id, product_id, price, currency, available, asked_at)
  SELECT $4::uuid, $12::uuid, $9, $10, $11, $2 FROM put WHERE $12 IS NOT NULL
  ON CONFLICT (offer_id) DO UPDATE
     SET product_id = EXCLUDED.product_id, price = EXCLUDED.price, currency = EXCLUDED.currency,
         available = EXCLUDED.available, asked_at = EXCLUDED.asked_at
   WHERE o.asked_at <= EXCLUDED.asked_at),
"""


def _first(sold: str, remember: str = "") -> Sql:
    """A guest's first item: nothing is there that it could add up with."""
    return Sql(f"""
WITH {sold}
mine AS (
  INSERT INTO cart.carts (id, created_at, updated_at, expires_at)
  SELECT $1::uuid, $2::timestamptz, $2, $3::timestamptz FROM sold
  ON CONFLICT (id) DO NOTHING
  RETURNING id),
put AS (
  INSERT INTO cart.items (cart_id, offer_id, quantity, added_at, price, currency)
  SELECT m.id, $4::uuid, $5::int, $2, s.price, s.currency FROM mine m, sold s
  RETURNING cart_id, offer_id, quantity, added_at, price, currency),
{remember}logged AS (
  INSERT INTO cart.actions (cart_id, at, what, offer_id, quantity)
  SELECT cart_id, $2, CASE WHEN $6::boolean THEN 'add' ELSE 'set' END, offer_id, $5 FROM put)
SELECT * FROM put
""")  # noqa: S608 - put together here, from constants


def _put(remember: str) -> str:
    """What follows the cart itself (`mine`) and what is in it (`had`). Its rows have no order."""
    return f"""
put AS (
  INSERT INTO cart.items AS i (cart_id, offer_id, quantity, added_at, price, currency)
  SELECT m.id, $4::uuid, $5::int, $2, s.price, s.currency FROM mine m, sold s
   WHERE (SELECT count(*) FROM had WHERE offer_id <> $4) < {ITEMS_MAX}
  ON CONFLICT (cart_id, offer_id) DO UPDATE
     SET quantity = CASE WHEN $6::boolean THEN i.quantity ELSE 0 END + EXCLUDED.quantity,
         price = EXCLUDED.price, currency = EXCLUDED.currency
   WHERE CASE WHEN $6 THEN i.quantity ELSE 0 END + EXCLUDED.quantity <= (SELECT most FROM sold)
  RETURNING i.cart_id, i.offer_id, i.quantity, i.added_at, i.price, i.currency),
{remember}logged AS (
  INSERT INTO cart.actions (cart_id, at, what, person_id, offer_id, quantity)
  SELECT p.cart_id, $2, CASE WHEN $6 THEN 'add' ELSE 'set' END, m.person_id, p.offer_id, $5
    FROM put p, mine m)
SELECT * FROM put
 UNION ALL
SELECT p.cart_id, h.offer_id, h.quantity, h.added_at, h.price, h.currency
  FROM put p, had h WHERE h.offer_id <> $4
"""  # noqa: S608 - put together here, from constants


def _more(sold: str, remember: str = "") -> Sql:
    """One more item of a guest."""
    return Sql(f"""
WITH {sold}
had AS (
  SELECT offer_id, quantity, added_at, price, currency FROM cart.items WHERE cart_id = $1::uuid),
mine AS (
  UPDATE cart.carts SET updated_at = $2::timestamptz, expires_at = $3::timestamptz
   WHERE id = $1 AND person_id IS NULL AND expires_at > $2 AND EXISTS (SELECT FROM sold)
  RETURNING id, person_id),
{_put(remember)}""")  # noqa: S608 - put together here, from constants


def _person(person: str, remind_at: str, sold: str, remember: str = "") -> Sql:
    """An item of a person: $1 is the id for a new cart. `remind_at`, unless that was done."""
    return Sql(f"""
WITH {sold}
had AS (
  SELECT i.offer_id, i.quantity, i.added_at, i.price, i.currency
    FROM cart.carts c JOIN cart.items i ON i.cart_id = c.id WHERE c.person_id = {person}::uuid),
mine AS (
  INSERT INTO cart.carts AS c (id, person_id, created_at, updated_at, expires_at, remind_at)
  SELECT $1::uuid, {person}, $2::timestamptz, $2, $3::timestamptz, {remind_at}::timestamptz
    FROM sold
  ON CONFLICT (person_id) WHERE person_id IS NOT NULL
  DO UPDATE SET updated_at = EXCLUDED.updated_at, expires_at = EXCLUDED.expires_at,
                remind_at = CASE WHEN c.reminded_at IS NULL THEN EXCLUDED.remind_at END
  RETURNING id, person_id),
{_put(remember)}""")  # noqa: S608 - put together here, from constants


FIRST, FIRST_ASKED = _first(_REMEMBERED), _first(_ASKED, _REMEMBER)
MORE, MORE_ASKED = _more(_REMEMBERED), _more(_ASKED, _REMEMBER)
PERSON = _person("$9", "$10", _REMEMBERED)
PERSON_ASKED = _person("$13", "$14", _ASKED, _REMEMBER)

FORGET_PRODUCTS = Sql("""
DELETE FROM cart.offers WHERE offer_id IN (
  SELECT offer_id FROM cart.offers WHERE product_id = ANY($1::uuid[]) ORDER BY offer_id FOR UPDATE)
""")
FORGET_OLD = Sql("""
DELETE FROM cart.offers WHERE offer_id IN (
  SELECT offer_id FROM cart.offers WHERE asked_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)
""")
