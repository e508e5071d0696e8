"""Pure: what of a request may be asked, and the product it becomes."""

from html import escape

from haat.domains.goods.catalog.api import ProductDraft, VariantDraft
from haat.domains.goods.requests.api import Mended, ProductRequest, Wanted
from haat.domains.people.media.api import Picture
from haat.kernel.errors import Invalid

PRICE_MAX = 10_000_000_000


def checked(wanted: Wanted, currency: str) -> Wanted:
    """Tidied; Invalid at the field that is wrong. The barcode's digits are the catalogue's."""
    texts = (wanted.title, wanted.brand, wanted.text, wanted.link, wanted.sku)
    if any("\0" in one or any("\ud800" <= c <= "\udfff" for c in one) for one in texts):
        raise Invalid.at("text", "This text cannot be stored as it is.", "text_invalid")
    title, sku = " ".join(wanted.title.split()), wanted.sku.strip()
    if not title:
        raise Invalid.at("title", "Give a title.", "title_blank")
    if not sku:
        raise Invalid.at("sku", "Give an SKU.", "sku_blank")
    if wanted.price.currency != currency:
        raise Invalid.at("price", f"Prices are in {currency}.", "currency_wrong")
    if not 0 < wanted.price.minor <= PRICE_MAX:
        raise Invalid.at("price", "That is not a price.", "price_invalid")
    return wanted.model_copy(update={"title": title, "sku": sku})


def draft_of(request: ProductRequest, mended: Mended) -> ProductDraft:
    """The product a request becomes, with its vendor's offer on it."""
    text = request.text if mended.text is None else mended.text
    paragraphs = [part.strip() for part in text.split("\n\n") if part.strip()]
    return ProductDraft(
        title=mended.title or request.title,
        description_html="".join(f"<p>{escape(one)}</p>" for one in paragraphs),
        category_id=mended.category_id or request.category_id,
        brand=request.brand if mended.brand is None else mended.brand,
        pictures=[Picture(media_id=request.picture_id)] if request.picture_id else [],
        variants=[
            VariantDraft(
                sku=request.sku,
                price=request.price,
                barcode=request.barcode if mended.barcode is None else mended.barcode or None,
            )
        ],
    )
