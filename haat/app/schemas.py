"""`haat contracts`: the committed schemas of events, REST and GraphQL, made from the code.

Within a version an event may only gain optional fields (docs/house.md, section 4): a change that
takes something away, or that makes something necessary, needs a new version.
"""

import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from haat.app.targets import MODULES
from haat.gateways import graphql
from haat.kernel.errors import Conflict
from haat.kernel.events import Event

GRAPHQL = "schema.graphql"
NAMES = {"title", "description"}  # of schemas, not of properties: they bind nobody


class Incompatible(Conflict, code="event_incompatible"):
    """An event changed in a way that needs a new version."""


def events() -> dict[str, type[Event]]:
    """Every event of every module: "order.paid.v1" → class."""
    found: dict[str, type[Event]] = {}
    for package in MODULES:
        for value in vars(import_module(f"{package}.api")).values():
            if not isinstance(value, type) or not issubclass(value, Event):
                continue
            if value.event_name and value.__module__.rpartition(".")[0] == package:
                found[f"{value.event_name}.v{value.event_version}"] = value
    return dict(sorted(found.items()))


def schema_of(event: type[Event]) -> dict[str, Any]:
    """The JSON schema of an event's `data`, as it is sent."""
    schema = event.model_json_schema(mode="serialization")
    for hidden in ("eventId", "occurredAt"):
        schema["properties"].pop(hidden, None)
    schema["x-key"] = event.event_key
    if event.event_aliases:
        schema["x-aliases"] = list(event.event_aliases)
    return schema


def openapi() -> dict[str, Any]:
    """The REST API's document."""
    from haat.app.settings import AppSettings
    from haat.app.web import documented

    return documented(AppSettings())


def asyncapi() -> dict[str, Any]:
    """The document of all events, as those outside hear them."""
    from haat.app.asyncapi import document

    return document()


def files() -> dict[str, str]:
    """Path below `contracts/` → content."""
    made = {f"events/{name}.json": _text(schema_of(event)) for name, event in events().items()}
    made["openapi.json"] = _text(openapi())
    made["asyncapi.json"] = _text(asyncapi())
    made[GRAPHQL] = graphql.sdl()
    return made


def write(folder: Path) -> list[str]:
    """Writes what changed and says which; Incompatible when an event broke its version, or the
    GraphQL schema what its clients ask for."""
    broken = [line for name, old in _committed(folder) for line in _broken(name, old)]
    if (folder / GRAPHQL).exists():
        broken += graphql.breaks((folder / GRAPHQL).read_text("utf-8"))
    if broken:
        raise Incompatible("; ".join(broken))
    changed = []
    made = files()
    for name, text in made.items():
        path = folder / name
        if not path.exists() or path.read_text("utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            changed.append(name)
    return changed


def breaks(old: Mapping[str, Any], new: Mapping[str, Any], where: str = "") -> list[str]:
    """What a reader of `old` would stumble over in `new`: gone or other fields, new duties."""
    found = []
    had, has = old.get("properties", {}), new.get("properties", {})
    for name, schema in had.items():
        if name not in has:
            found.append(f"{where}{name} is gone")
        elif _bare(schema) != _bare(has[name]):
            found.append(f"{where}{name} is something else")
    found += [
        f"{where}{name} is necessary now"
        for name in new.get("required", ())
        if name not in old.get("required", ())
    ]
    for name, schema in old.get("$defs", {}).items():
        if name in new.get("$defs", {}):
            found += breaks(schema, new["$defs"][name], f"{where}{name}.")
    return found


def _committed(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted((folder / "events").glob("*.json")):
        yield path.stem, json.loads(path.read_text("utf-8"))


def _broken(name: str, old: dict[str, Any]) -> list[str]:
    event = events().get(name)
    if event is None:
        return []  # an event may end; its schema stays for those who still hold old ones
    return [f"{name}: {line}" for line in breaks(old, schema_of(event))]


def _bare(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {key: _bare(value) for key, value in schema.items() if key not in NAMES}
    return [_bare(item) for item in schema] if isinstance(schema, list) else schema


def _text(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
