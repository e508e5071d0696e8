"""The statements of performance.

`ORDERS` makes what counts: orders that their vendor could begin with and that did not end for want
of money. Everything else is found when it is asked for, so that no figure has to be corrected.
"""

from haat.domains.insight.performance.rules import FAULTS
from haat.engines.sql import Sql

_COLUMNS = (
    "vendor_order_id, order_id, vendor_id, number, parts, begun_at, ship_by, handled_at, sent_at,"
    " ended_at, ended_by"
)
# Whatever comes first, twice or late, the row ends the same.
HEAR = Sql(f"""
INSERT INTO performance.orders AS o ({_COLUMNS})
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::smallint[],
       $6::timestamptz[], $7::timestamptz[], $8::timestamptz[], $9::timestamptz[],
       $10::timestamptz[], $11::text[])
ON CONFLICT (vendor_order_id) DO UPDATE
   SET parts = coalesce(o.parts, excluded.parts),
       begun_at = least(o.begun_at, excluded.begun_at),
       ship_by = least(o.ship_by, excluded.ship_by),
       handled_at = least(o.handled_at, excluded.handled_at),
       sent_at = least(o.sent_at, excluded.sent_at),
       ended_at = least(o.ended_at, excluded.ended_at),
       ended_by = coalesce(o.ended_by, excluded.ended_by)
""")  # noqa: S608
# Nobody did anything wrong where the money never came.
UNPAID = Sql("""
UPDATE performance.orders SET ended_at = $2, ended_by = 'system'
 WHERE order_id = $1 AND ended_at IS NULL
""")
MEET = Sql("""
INSERT INTO performance.vendors (vendor_id, due_at)
SELECT id, $2 FROM unnest($1::uuid[]) AS id
ON CONFLICT (vendor_id) DO NOTHING
""")
# Of two states the newer counts; that it was escalated or refunded stays.
HEAR_RETURN = Sql("""
INSERT INTO performance.returns AS r
       (return_id, vendor_order_id, reason, state, at, escalated, refunded)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (return_id) DO UPDATE
   SET reason = coalesce(r.reason, excluded.reason),
       state = CASE WHEN r.at > excluded.at THEN r.state ELSE coalesce(excluded.state, r.state) END,
       at = greatest(r.at, excluded.at),
       escalated = r.escalated OR excluded.escalated, refunded = r.refunded OR excluded.refunded
""")
# What is decided stays so.
HEAR_CHARGEBACK = Sql("""
INSERT INTO performance.chargebacks AS c (dispute_id, order_id, status)
VALUES ($1, $2, $3)
ON CONFLICT (dispute_id) DO UPDATE SET status = excluded.status WHERE c.status = 'open'
""")

# $1: now. A vendor who cancels what was sent had it refused at the door. Whose goods a chargeback
# of an order of several vendors is about, nobody knows. A dispute decided for the vendor is none.
_CANCELLED = "coalesce(o.ended_by = 'vendor' AND o.sent_at IS NULL, false)"
_FAULTS = ", ".join(f"'{reason}'" for reason in FAULTS)
ORDERS = f"""
SELECT o.vendor_order_id, o.vendor_id, o.number, o.begun_at, o.ship_by, o.handled_at, o.ended_at,
       o.ended_by, {_CANCELLED} AS cancelled,
       coalesce(NOT {_CANCELLED}
                AND o.ship_by < coalesce(o.handled_at, o.ended_at, $1::timestamptz), false) AS late,
       EXISTS (SELECT FROM performance.returns r
                WHERE r.vendor_order_id = o.vendor_order_id AND r.refunded
                  AND r.reason IN ({_FAULTS})) AS faulty,
       EXISTS (SELECT FROM performance.returns r
                WHERE r.vendor_order_id = o.vendor_order_id AND r.escalated
                  AND coalesce(r.state, '') NOT IN ('refused', 'withdrawn'))
       OR o.parts = 1 AND EXISTS (SELECT FROM performance.chargebacks c
                                   WHERE c.order_id = o.order_id AND c.status <> 'won')
       AS disputed
  FROM performance.orders o
 WHERE o.begun_at >= $2::timestamptz AND o.ended_by IS DISTINCT FROM 'system'
"""  # noqa: S608
_COUNTS = """
       count(*) AS orders, count(*) FILTER (WHERE late) AS late,
       count(*) FILTER (WHERE cancelled) AS cancelled, count(*) FILTER (WHERE faulty) AS faulty,
       count(*) FILTER (WHERE disputed) AS disputed
"""
DAYS = Sql(f"""
SELECT (begun_at AT TIME ZONE 'UTC')::date AS day, {_COUNTS}
  FROM ({ORDERS} AND o.vendor_id = $3) counted
 GROUP BY 1 ORDER BY 1
""")  # noqa: S608
COUNTS = Sql(f"""
SELECT vendor_id, {_COUNTS}
  FROM ({ORDERS} AND o.vendor_id = ANY($3::uuid[])) counted
 GROUP BY 1
""")  # noqa: S608
COUNTED = Sql(f"""
SELECT * FROM ({ORDERS} AND o.vendor_id = $3
  AND ($4::timestamptz IS NULL OR (o.begun_at, o.vendor_order_id) < ($4, $5::uuid))) counted
 WHERE CASE $6::text WHEN 'late' THEN late WHEN 'cancelled' THEN cancelled
                     WHEN 'faulty' THEN faulty ELSE disputed END
 ORDER BY begun_at DESC, vendor_order_id DESC LIMIT $7
""")  # noqa: S608
KEPT = Sql("""
SELECT vendor_order_id, vendor_id, parts, begun_at IS NOT NULL AS begun, ship_by,
       handled_at IS NOT NULL AS handled, ended_at IS NOT NULL AS ended
  FROM performance.orders WHERE vendor_order_id = ANY($1::uuid[])
""")

POLICY = Sql("""
SELECT days, orders_min, cases_min, late_bp, cancelled_bp, faulty_bp, disputed_bp
  FROM performance.policy
""")
SET_POLICY = Sql("""
INSERT INTO performance.policy (days, orders_min, cases_min, late_bp, cancelled_bp, faulty_bp,
       disputed_bp)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (single) DO UPDATE
   SET days = excluded.days, orders_min = excluded.orders_min,
       cases_min = excluded.cases_min, late_bp = excluded.late_bp,
       cancelled_bp = excluded.cancelled_bp, faulty_bp = excluded.faulty_bp,
       disputed_bp = excluded.disputed_bp
""")
ALL_DUE = Sql("UPDATE performance.vendors SET due_at = $1 WHERE due_at > $1")
DUE = Sql("""
SELECT vendor_id, since FROM performance.vendors WHERE due_at <= $1
 ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
""")
JUDGE = Sql("""
UPDATE performance.vendors v
   SET below = string_to_array(j.below, ' '), due_at = $3,
       since = CASE WHEN j.below <> '' THEN coalesce(v.since, $4) END
  FROM unnest($1::uuid[], $2::text[]) AS j (vendor_id, below)
 WHERE v.vendor_id = j.vendor_id
""")
BELOW = Sql("SELECT below, since FROM performance.vendors WHERE vendor_id = $1")
QUEUE = Sql("""
SELECT vendor_id, below, since FROM performance.vendors
 WHERE since IS NOT NULL AND ($1::timestamptz IS NULL OR (since, vendor_id) > ($1, $2::uuid))
 ORDER BY since, vendor_id LIMIT $3
""")
