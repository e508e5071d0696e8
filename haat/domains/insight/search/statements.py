"""Search's fixed SQL. Arguments of every reading statement come in one order:

$1 every, $2 head, $3 prefix, $4 any (rules.Question; only one of $1–$3 and $4 is given), then the
filters $5 categories, $6 vendor, $7 lowest and $8 highest price, then $9 limit and the page's key.
Statements without words have the filters first.
"""

from haat.engines.sql import Sql

TOTAL_MAX = 1000  # hits that are counted, and that are ranked

# Titles stand in `words` twice: stemmed, and as they are, so that beginnings of words match them.
SHOW = Sql("""
INSERT INTO search.listings AS l
  (id, version, card, title, heading, words, category_id, vendor_id, price_from, price_to,
   created_at)
SELECT id, version, card, title, to_tsvector('simple', title),
       setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('simple', title), 'A')
       || setweight(to_tsvector('english', brand || ' ' || shelf), 'B')
       || setweight(to_tsvector('simple', brand), 'B')
       || setweight(to_tsvector('english', body), 'C'),
       category_id, vendor_id, price_from, price_to, created_at
  FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
              $8::uuid[], $9::uuid[], $10::bigint[], $11::bigint[], $12::timestamptz[])
       AS t (id, version, card, title, brand, shelf, body, category_id, vendor_id, price_from,
             price_to, created_at)
 ORDER BY id
ON CONFLICT (id) DO UPDATE
   SET version = excluded.version, card = excluded.card, title = excluded.title,
       heading = excluded.heading, words = excluded.words, category_id = excluded.category_id,
       vendor_id = excluded.vendor_id, price_from = excluded.price_from,
       price_to = excluded.price_to, created_at = excluded.created_at
 WHERE l.version < excluded.version
""")

_FACETS = """
coalesce((SELECT jsonb_agg(jsonb_build_object('id', id, 'count', n) ORDER BY n DESC, id)
            FROM (SELECT category_id AS id, count(*) AS n FROM hits
                   WHERE category_id IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 50) f
         ), '[]') AS categories,
coalesce((SELECT jsonb_agg(jsonb_build_object('id', id, 'count', n) ORDER BY n DESC, id)
            FROM (SELECT vendor_id AS id, count(*) AS n FROM hits
                   GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 50) f
         ), '[]') AS vendors"""

_ASKED = """
asked AS MATERIALIZED (
  SELECT websearch_to_tsquery('english', $1)
         || (websearch_to_tsquery('english', $2) && to_tsquery('simple', $3))
         || to_tsquery('english', $4) || to_tsquery('simple', $4) AS q
)"""

_MATCH = "l.words @@ (SELECT q FROM asked) AND "
_FILTERS = """l.card IS NOT NULL
   AND (${0}::uuid[] IS NULL OR l.category_id = ANY(${0}))
   AND (${1}::uuid IS NULL OR l.vendor_id = ${1})
   AND (${2}::bigint IS NULL OR l.price_to >= ${2})
   AND (${3}::bigint IS NULL OR l.price_from <= ${3})"""

# The newest TOTAL_MAX, those that match in the title first, are ranked: weighing words is the
# costly part. $10 is how many are skipped.
_RANKED = """
WITH {asked}, hits AS MATERIALIZED (
  SELECT l.id, l.category_id, l.vendor_id, l.heading @@ (SELECT q FROM asked) AS titled,
         l.created_at
    FROM search.listings l
   WHERE l.words @@ (SELECT q FROM asked) AND {filters}
   ORDER BY titled DESC, l.created_at DESC, l.id LIMIT {total}
), page AS (
  SELECT h.id, h.titled::int + ts_rank_cd(l.words, (SELECT q FROM asked), 1) AS rank, l.card
    FROM hits h JOIN search.listings l ON l.id = h.id
   ORDER BY rank DESC, h.id LIMIT $9 OFFSET $10
)
SELECT (SELECT count(*) FROM hits) AS total,
       array(SELECT card FROM page ORDER BY rank DESC, id) AS cards, {facets}
"""
RANKED = Sql(
    _RANKED.format(
        asked=_ASKED, filters=_FILTERS.format(5, 6, 7, 8), total=TOTAL_MAX, facets=_FACETS
    )
)

_SORTED = """
WITH {asked}hits AS MATERIALIZED (
  SELECT l.category_id, l.vendor_id FROM search.listings l WHERE {where} LIMIT {total}
), page AS (
  SELECT l.{key} AS key, l.id, l.card FROM search.listings l
   WHERE {where} AND (l.{key}, l.id) {after} (${place}, ${id}::uuid)
   ORDER BY l.{key} {way}, l.id {way} LIMIT ${limit}
)
SELECT (SELECT count(*) FROM hits) AS total,
       array(SELECT card FROM page ORDER BY key {way}, id {way}) AS cards, {facets}
"""


def _sorted(key: str, *, falling: bool, worded: bool) -> Sql:
    """By `key`, from behind the pair (key, id) that is given last."""
    way, after = ("DESC", "<") if falling else ("ASC", ">")
    first = 5 if worded else 1
    where = _FILTERS.format(*range(first, first + 4))
    if worded:
        where = _MATCH + where
    return Sql(
        _SORTED.format(
            asked=f"{_ASKED}, " if worded else "",
            where=where,
            key=key,
            way=way,
            after=after,
            limit=first + 4,
            place=first + 5,
            id=first + 6,
            total=TOTAL_MAX,
            facets=_FACETS,
        )
    )


NEWEST = _sorted("created_at", falling=True, worded=False)
CHEAPEST = _sorted("price_from", falling=False, worded=False)
DEAREST = _sorted("price_from", falling=True, worded=False)
NEWEST_MATCHING = _sorted("created_at", falling=True, worded=True)
CHEAPEST_MATCHING = _sorted("price_from", falling=False, worded=True)
DEAREST_MATCHING = _sorted("price_from", falling=True, worded=True)

# Titles that begin with what was typed come first, shorter ones before longer ones.
SUGGEST = Sql("""
SELECT title FROM (
  SELECT DISTINCT title FROM search.listings
   WHERE heading @@ to_tsquery('simple', $1) AND card IS NOT NULL LIMIT 500) t
 ORDER BY NOT starts_with(lower(title), $2), length(title), title LIMIT $3
""")
