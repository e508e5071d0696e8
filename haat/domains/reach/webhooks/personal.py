"""What webhooks have of people: what was told of their orders, and what readers answered."""

from haat.engines.sql.personal import Personal, Rule

THEIRS = """EXISTS (
  SELECT FROM unnest((:orders || :parts || :returns || :person)::text[]) AS theirs(id)
   WHERE position(theirs.id IN body) > 0)"""
PERSONAL_DATA = Personal(
    rules=(
        Rule(
            "webhooks.attempts",
            f"delivery_id IN (SELECT id FROM webhooks.deliveries WHERE {THEIRS})",  # noqa: S608
            {"answer": "''"},
            told=None,
        ),
        Rule("webhooks.deliveries", THEIRS, {"body": "'{}'"}, told=None),
    ),
    kept={
        "endpoints.url": "an address that a vendor's or the market's programs are reached at",
        "endpoints.secret": "sealed; it goes with its endpoint",
        "endpoints.old_secret": "sealed; it goes with its endpoint",
    },
)
