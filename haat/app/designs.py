"""docs/routes.md: what answers the routes that earlier designs of this market name, made from the
table of aliases and the declared table of rights."""

from haat.gateways.rest.aliases import ALIASES
from haat.gateways.rest.designs import named

NAME = "docs/routes.md"
HEAD = """# Routes of earlier designs

Made by `haat contracts` from `haat/gateways/rest/designs.py` and `aliases.py`; do not edit it.
Clients written for one of five earlier designs of a market like this find its routes here: under
`/api/v1`, and the same under `/v1`. What has no capability behind it yet is absent (404), never a
stub. `tests/journeys/test_designs.py` calls each route that works as somebody who may, on a
running market, and checks that real data comes back.

**{works}** of {all} work, {absent} are absent.

## Other names

A request to the left name is one to the right route before anything else looks at it: the same
rights, limits, idempotency and answer. A design's word for a field is understood in the body,
answered beside ours, and named where the field is refused.

| name | route | words |
|---|---|---|
"""


def document() -> str:
    """The page as it is committed."""
    rows = list(named())
    works = sum(1 for row in rows if row.by)
    head = HEAD.replace("{works}", str(works)).replace("{all}", str(len(rows)))
    lines = [head.replace("{absent}", str(len(rows) - works)).rstrip("\n")]
    for alias in ALIASES:
        words = ", ".join(f"`{theirs}` = `{ours}`" for theirs, ours in alias.fields.items())
        if alias.by_sku:
            words = ", ".join(filter(None, [words, "the SKU of an item, or its offer's id"]))
        lines.append(f"| `{alias.name}` | `{alias.of}` | {words} |")
    lines += [
        "",
        "## Every route\n",
        "| route | design | capability | answered by |",
        "|---|---|---|---|",
    ]
    for row in rows:
        by = f"`{row.by}`" if row.by else f"*absent: {row.why}*"
        path = row.path.replace("|", "\\|")
        lines.append(f"| `{row.method} {path}` | {row.design} | {row.capability} | {by} |")
    return "\n".join(lines) + "\n"
