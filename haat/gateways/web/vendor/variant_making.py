"""What the product form does with many variants at once: makes them of options, fills them alike.

Nothing is saved by it: the form is shown again with the rows as they would be.
"""

from collections.abc import Sequence

from haat.domains.goods.catalog.api import Product, generating
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.vendor import product_form as fields
from haat.kernel.errors import Problem

ALL = ("price", "compare_at", "weight_g", "stock")
LONGEST = 4000


def values_field(option: str) -> str:
    return f"{option}_values"


def choices_in(text: str) -> list[str]:
    """ "S, M, L" as a list; with | between them where a value has a comma of its own."""
    parts = text.split("|" if "|" in text else ",")
    return list(dict.fromkeys(" ".join(part.split()) for part in parts if part.strip()))


def shown(rows: Sequence[fields.Values], option: str) -> str:
    """What the rows choose from, as the form's field says it."""
    found = list(dict.fromkeys(row[option] for row in rows if row[option]))
    return (" | " if any("," in one for one in found) else ", ").join(found)


def filling(form: Form, rows: Sequence[fields.Values]) -> Form:
    """The form's fields of what there is to choose from: as sent, else as the rows have it."""
    names = {values_field(option): option for option in fields.OPTIONS}
    values = {name: form.values.get(name) or shown(rows, o) for name, o in names.items()}
    return Form(values, form.problem)


def make(values: fields.Values, present: Product | None) -> None:
    """Rows for every combination of the options; Invalid at the form's own fields."""
    reader = Reader(values)
    options: list[generating.OptionDraft] = []
    used: list[str] = []
    for option in fields.OPTIONS:
        name = reader.text(option, longest=60, required=False)
        text = reader.text(values_field(option), longest=LONGEST, required=False)
        given = choices_in(text)
        if not name and not given:
            continue
        if not name:
            reader.refuse(option, "Name this option; its values stand beside it.", "missing")
        if not given:
            reader.refuse(values_field(option), "Write what there is to choose from.", "missing")
        if any(len(one) > 120 for one in given):
            reader.refuse(values_field(option), "A value has at most 120 characters.", "too_long")
        if len(given) > generating.VARIANTS_MAX:
            message = f"A product has at most {generating.VARIANTS_MAX} variants."
            reader.refuse(values_field(option), message, "variants_too_many")
        if name and given and not reader.errors:
            options.append(
                generating.OptionDraft(name=name, values=given[: generating.VARIANTS_MAX])
            )
            used.append(option)
    if not options:
        reader.refuse("option_1", "Name at least one option.", "missing")
    reader.done()
    try:
        wanted = generating.combinations(options)
    except Problem as problem:
        problem.fields = tuple(
            one.model_copy(update={"path": _path(one.path, used)}) for one in problem.fields
        )
        raise
    _put(values, present, used, [list(choice.values()) for choice in wanted])


def _path(path: str, used: Sequence[str]) -> str:
    """'options.1.values' → 'option_2_values'."""
    _, _, rest = path.partition(".")
    place, _, what = rest.partition(".")
    if not place.isdecimal():
        return values_field(used[0])
    option = used[int(place)]
    return values_field(option) if what == "values" else option


def _put(
    values: fields.Values, present: Product | None, used: Sequence[str], wanted: list[list[str]]
) -> None:
    rows = [row for row in fields.variant_rows(values) if any(row[f] for f in fields.VARIANT)]
    chosen = [dict(zip(used, choice, strict=True)) for choice in wanted]
    had = [{o: row[o] for o in used if row[o]} for row in rows]
    taken = {row["sku"] for row in rows} | set(fields.off_sale(present) if present else ())
    pattern = values.get("sku_pattern") or generating.coded(values.get("title", ""))[:24].strip("-")
    first = rows[0] if rows else {}
    alike = {name: values.get(f"all_{name}") or first.get(name, "") for name in ALL[:3]}
    made = []
    for choice, place in zip(chosen, generating.kept(had, chosen), strict=True):
        blank = dict.fromkeys(fields.OPTIONS, "")
        if place is not None:
            row = {**rows[place], **blank, **choice}
        else:
            empty = dict.fromkeys(fields.VARIANT, "")
            row = {**empty, **alike, **choice, "stock": values.get("all_stock", "")}
        if not row["sku"]:
            names = {values[option]: value for option, value in choice.items()}
            row["sku"] = generating.sku_of(pattern, names, taken)
            taken.add(row["sku"])
        made.append(row)
    for option in fields.OPTIONS:
        if option not in used:
            values[option] = ""
    fields.put_rows(values, "variants", made)


def fill(values: fields.Values) -> None:
    """Writes what is said for all into every row; an SKU pattern names them anew. Invalid."""
    reader = Reader(values)
    pattern = reader.text("sku_pattern", longest=80, required=False)
    given = {name: values[f"all_{name}"] for name in ALL if values.get(f"all_{name}")}
    if not given and not pattern:
        reader.refuse("all_price", "Say what all of them have.", "missing")
    reader.done()
    rows = fields.variant_rows(values)
    taken: set[str] = set()
    for row in rows:
        row.update(given)
        if pattern:
            names = {values[o]: row[o] for o in fields.OPTIONS if values.get(o) and row[o]}
            row["sku"] = generating.sku_of(pattern, names, taken)
            taken.add(row["sku"])
    fields.put_rows(values, "variants", rows)
