"""The fixed SQL of requests."""

from haat.engines.sql import Sql

_SHOWN = """id, vendor_id, state, title, barcode, brand, category_id, text, link, picture_id, sku,
       price_minor, currency, created_at, decided_at, reason, product_id"""

ADD = Sql("""
WITH asked AS (
    INSERT INTO requests.requests
           (id, vendor_id, state, title, barcode, brand, category_id, text, link, picture_id, sku,
            price_minor, currency, created_at)
    SELECT $1, $2, 'open', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13
     WHERE (SELECT count(*) FROM requests.requests o
             WHERE o.vendor_id = $2 AND o.state IN ('open', 'approving')) < $14
        ON CONFLICT (id) DO NOTHING
    RETURNING id
)/*emit:asked*/
SELECT id FROM asked
""")

READ = Sql(f"SELECT {_SHOWN} FROM requests.requests WHERE id = $1")  # noqa: S608 - a constant

OWN = Sql(f"""
SELECT {_SHOWN} FROM requests.requests
 WHERE vendor_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
 ORDER BY created_at DESC, id DESC
 LIMIT $4
""")  # noqa: S608 - a constant

QUEUE = Sql(f"""
SELECT {_SHOWN} FROM requests.requests
 WHERE state = ANY($1::text[]) AND ($2::timestamptz IS NULL OR (created_at, id) > ($2, $3::uuid))
 ORDER BY created_at, id
 LIMIT $4
""")  # noqa: S608 - a constant

# From one of the states $2 to $3; whoever changes it last says by whom and when.
MOVE = Sql(f"""
WITH moved AS (
    UPDATE requests.requests
       SET state = $3, decided_at = $4, decided_by = $5, reason = $6, product_id = $7
     WHERE id = $1 AND state = ANY($2::text[])
    RETURNING *
)/*emit:moved*/
SELECT {_SHOWN} FROM moved
""")  # noqa: S608 - a constant
