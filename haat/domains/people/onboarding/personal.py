"""What onboarding has of people: a business's application, none of somebody who owns no vendor.
Files of documents go by themselves when they are old enough."""

from haat.engines.sql.personal import Personal

_WHY = "who is behind a business, and how that was checked: the law asks for it after they left"
PERSONAL_DATA = Personal(
    rules=(),
    kept={
        "applications.business": _WHY,
        "applications.note": _WHY,
        "waivers.note": _WHY,
        "documents.name": _WHY,
        "documents.reason": _WHY,
        "entries.text": _WHY,
    },
)
