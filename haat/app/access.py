"""docs/security/access.md: every route × every role × allowed or not, made from the declared table
that the tests compare the running market with (tests/gateways/rest/test_rights.py)."""

from haat.domains.people.identity.api import STAFF_SCOPES, VENDOR_SCOPES
from haat.gateways.rest.rights import allowed, roles, table

NAME = "docs/security/access.md"
HEAD = """# Who may call what

Made by `haat contracts` from `haat/gateways/rest/rights.py`; do not edit it. Paths stand below
`/api/v1`. `tests/gateways/rest/test_rights.py` calls every operation as every role and compares
with this table; how rights are given and taken is told in [teams.md](teams.md).

A cross says that the role holds the right. What is somebody's own stays theirs: another vendor's,
or another customer's, row answers 404 whatever the role, and a call that means another vendor is
logged (`other_vendors_row`). Roles that a vendor, or the market for its staff, puts together hold
any of the rights below; a vendor's within what their maker has, those of staff without
`staff:people`, which super admins alone hold.

"""


def document() -> str:
    """The page as it is committed."""
    everybody = roles()
    lines = [HEAD + "## Rights\n", "| right | gives |", "|---|---|"]
    lines += [f"| `{one}` | {text} |" for one, text in {**VENDOR_SCOPES, **STAFF_SCOPES}.items()]
    lines += ["", "## Roles\n", "| right | " + " | ".join(everybody) + " |"]
    lines.append("|---" * (len(everybody) + 1) + "|")
    for scope in ("person", *VENDOR_SCOPES, "staff", *STAFF_SCOPES):
        marks = ("×" if scope in held else "" for held in everybody.values())
        lines.append(f"| `{scope}` | " + " | ".join(marks) + " |")
    lines += ["", "## Routes\n", "| route | right | " + " | ".join(everybody) + " |"]
    lines.append("|---" * (len(everybody) + 2) + "|")
    for operation, right in sorted(table().items(), key=lambda one: one[0].split(" ")[::-1]):
        marks = ("×" if allowed(operation, right, held) else "" for held in everybody.values())
        lines.append(f"| `{operation}` | {right} | " + " | ".join(marks) + " |")
    return "\n".join(lines) + "\n"
