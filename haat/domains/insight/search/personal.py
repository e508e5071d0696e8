"""What search has of people: what they looked for last, and among the counted words those that
hardly anybody else looked for, which may be their own name."""

from haat.engines.sql.personal import Personal, Rule

# More than five searches in all, and the words are nobody's.
RARE_WORDS = """words IN (SELECT h.words FROM search.history h WHERE h.person_id = :person)
  AND words NOT IN (
    SELECT q.words FROM search.queries q
     WHERE q.words IN (SELECT h.words FROM search.history h WHERE h.person_id = :person)
     GROUP BY q.words HAVING sum(q.searches) > 5)"""
PERSONAL_DATA = Personal(
    rules=(
        Rule("search.queries", RARE_WORDS, told=None),
        Rule("search.history", "person_id = :person"),
    ),
)
