"""Which files of ours a product shows, so that media keeps them. Public, as `api.py` is."""

from uuid import UUID

from haat.domains.goods.catalog.product import Product
from haat.kernel.events import Event


class PicturesShown(Event, name="product.pictures.shown", key="product_id"):
    """A product shows these files, and no others any more. `lasting`: it is on sale, so they may
    stand in orders from now on."""

    product_id: UUID
    version: int
    file_ids: list[UUID]
    lasting: bool


def files_of(product: Product) -> list[UUID]:
    """Each once; pictures elsewhere are not ours to keep."""
    pictures = [*product.pictures, *(v.picture for v in product.variants if v.picture)]
    found = (id for one in pictures for id in (one.media_id, one.film_id) if id is not None)
    return list(dict.fromkeys(found))


def pictures_shown(product: Product, before: Product | None = None) -> list[Event]:
    """What there is to tell: nothing where there never was a file of ours."""
    files = files_of(product)
    if not files and not (before and files_of(before)):
        return []
    return [
        PicturesShown(
            product_id=product.id,
            version=product.version,
            file_ids=files,
            lasting=product.status == "active",
        )
    ]
