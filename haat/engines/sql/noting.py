"""In whose name the database notes changes: said within the transaction that makes them."""

import json

from haat.kernel.context import Held, held_trail

# Read by the triggers of `haat.engines.sql.watching`. Gone with the transaction.
NOTE_AS = "SELECT set_config('haat.trail', $1, true)"


def noting(sql: str = "") -> Held | None:
    """The trail that what is written now belongs to; None for a statement that only reads."""
    held = held_trail.get()
    if held is None or not held.open or sql.lstrip()[:6].upper() == "SELECT":
        return None
    return held


def trail_text(held: Held) -> str:
    """What a trigger puts into the note, as JSON."""
    trail, ctx = held.trail, held.ctx
    return json.dumps(
        {
            "at": ctx.now().isoformat(),
            "actor": {"type": trail.actor.type, "id": _text(trail.actor.id)},
            "trace": {"requestId": ctx.request_id, "correlationId": ctx.correlation_id},
            "command": trail.command,
            "acting": trail.acting,
            "vendorId": _text(trail.vendor_id),
            "sessionId": _text(trail.session_id),
            "reason": trail.reason.replace("\0", ""),
        }
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
