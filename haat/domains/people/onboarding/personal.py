"""What onboarding has of people: a business's application. Of a store that never sold anything it
ends with its owner; of one that traded it stays, and papers go by themselves when they are old."""

from uuid import UUID

from haat.domains.people.onboarding.service import OnboardingService
from haat.engines.sql.personal import Personal, Rule
from haat.kernel.context import Context

THEIRS = "vendor_id = ANY(:untraded)"
_WHY = "of a store that traded: the law asks who was behind it, and how that was checked"


async def _remove(service: OnboardingService, ctx: Context, person_id: UUID) -> None:
    """The papers' bytes."""
    await service.delete_due(ctx)


PERSONAL_DATA = Personal(
    rules=(
        Rule("onboarding.applications", THEIRS, {"business": "'{}'::jsonb", "note": "''"}),
        Rule("onboarding.waivers", THEIRS, {"note": "''"}),
        Rule(
            "onboarding.documents",
            THEIRS,
            {
                "name": "''",
                "reason": "''",
                "delete_after": "least(coalesce(delete_after, :now), :now)",
            },
            told=("type", "name", "status", "reason", "uploaded_at"),
        ),
        Rule("onboarding.entries", f"{THEIRS} AND NOT internal", {"text": "''"}),
        Rule("onboarding.entries", f"{THEIRS} AND internal", {"text": "''"}, told=None),
    ),
    kept={
        "applications.business": _WHY,
        "applications.note": _WHY,
        "waivers.note": _WHY,
        "documents.name": _WHY,
        "documents.reason": _WHY,
        "entries.text": _WHY,
    },
    after=_remove,
)
