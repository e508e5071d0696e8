"""The AsyncAPI document: every event as a channel, under each of its names.

Made from the code like the schemas beside it (`haat contracts`), and whole in itself. On a broker
a channel is a subject (NATS) or a routing key (RabbitMQ): see docs/operate/buses.md.
"""

import json
from functools import cache
from typing import Any

from fastapi import APIRouter, Response

from haat.app.schemas import events, schema_of
from haat.kernel.events import Envelope, Event

_DEFS = "#/$defs/"
_SCHEMAS = "#/components/schemas/"


def document() -> dict[str, Any]:
    """The AsyncAPI 3.0 document of all events."""
    schemas: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    _add(schemas, "Envelope", Envelope.model_json_schema(mode="serialization"))
    for name, event in events().items():
        _add(schemas, name, schema_of(event))
        for topic in (event.event_name, *event.event_aliases):
            title = f"{topic}.v{event.event_version}"
            messages[title] = _message(event, topic, name)
            channel = channels.setdefault(topic, _channel(event, topic))
            channel["messages"][title] = {"$ref": f"#/components/messages/{title}"}
            operation = operations.setdefault(f"send.{topic}", _operation(topic))
            sent = f"#/channels/{topic}/messages/{title}"
            operation["messages"].append({"$ref": sent})
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Haat: events",
            "version": "1",
            "description": (
                "Facts in the past tense, in an envelope, at least once and in order for each "
                "key. An alias is the same fact under a name of another vocabulary, as an "
                "envelope of its own whose id derives from the first one's (UUIDv3)."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    }


def _channel(event: type[Event], topic: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "address": topic,
        "title": topic,
        "x-key": event.model_fields[event.event_key].alias or event.event_key,
        "messages": {},
    }
    if topic in event.event_aliases:
        found["description"] = f"Another name for {event.event_name}."
        found["x-alias-of"] = event.event_name
    return found


def _operation(topic: str) -> dict[str, Any]:
    return {"action": "send", "channel": {"$ref": f"#/channels/{topic}"}, "messages": []}


def _message(event: type[Event], topic: str, schema: str) -> dict[str, Any]:
    said = (event.__doc__ or "").strip()
    own = not said or said == (Event.__doc__ or "").strip()  # pydantic hands docstrings down
    return {
        "name": topic,
        "title": event.__name__,
        **({} if own else {"summary": said.splitlines()[0]}),
        "payload": {
            "allOf": [
                {"$ref": f"{_SCHEMAS}Envelope"},
                {
                    "type": "object",
                    "properties": {
                        "type": {"const": topic},
                        "version": {"const": event.event_version},
                        "data": {"$ref": f"{_SCHEMAS}{schema}"},
                    },
                },
            ]
        },
    }


def _add(schemas: dict[str, Any], name: str, schema: dict[str, Any]) -> None:
    """A schema and, beside it, what it refers to: references are the whole document's there."""
    text = json.dumps(schema).replace(_DEFS, f"{_SCHEMAS}{name}.")
    own = json.loads(text)
    for part, inner in own.pop("$defs", {}).items():
        schemas[f"{name}.{part}"] = inner
    schemas[name] = own


@cache
def _text() -> str:
    return json.dumps(document(), ensure_ascii=False)


def router() -> APIRouter:
    """GET /asyncapi.json: for those who build on the events."""
    made = APIRouter(include_in_schema=False)

    @made.get("/asyncapi.json")
    def asyncapi() -> Response:  # not async: the first time takes a moment, in a thread
        return Response(_text(), media_type="application/json")

    return made
