"""Where pictures are."""

from uuid import UUID

import strawberry

from haat.domains.people.media.api import WIDTHS
from haat.domains.people.media.api import Picture as Given


@strawberry.type
class Rendition:
    width: int
    url: str = strawberry.field(description="The better of the two for who asks.")
    avif: str
    webp: str


@strawberry.type(description="A picture: one of ours in several widths, or a link elsewhere.")
class Picture:
    alt: str
    url: str
    width: int | None = strawberry.field(description="Of the original, where it is known.")
    height: int | None
    video: str | None = strawberry.field(description="The video it stands for, if it does.")
    media_id: strawberry.Private[UUID | None]
    site: strawberry.Private[str]

    @classmethod
    def of(cls, given: Given | None, site: str) -> "Picture | None":
        if given is None or (given.media_id is None and not given.url):
            return None
        return cls(
            alt=given.alt,
            url=given.url or f"{site}/media/{given.media_id}/{WIDTHS[-1]}",
            width=given.width,
            height=given.height,
            video=f"{site}/media/{given.film_id}" if given.film_id else None,
            media_id=given.media_id,
            site=site,
        )

    @classmethod
    def kept(cls, media_id: UUID, site: str, alt: str = "") -> "Picture | None":
        return cls.of(Given(media_id=media_id, alt=alt), site)

    @strawberry.field
    def renditions(self) -> list[Rendition]:
        return [] if self.media_id is None else renditions_of(self.media_id, self.site)


def renditions_of(media_id: UUID, site: str) -> list[Rendition]:
    """In every width there is, the narrowest first."""
    places = [(width, f"{site}/media/{media_id}/{width}") for width in WIDTHS]
    return [
        Rendition(width=width, url=place, avif=f"{place}.avif", webp=f"{place}.webp")
        for width, place in places
    ]
