"""Events from the outbox of the module that states them to the reactions of those that care.

At least once, and in order for each key (docs/house.md, section 4). A subscriber's failing key
waits and tries again while other keys go on; what fails for good becomes a dead letter.

`open_bus` chooses what carries them by the scheme of the address (docs/operate/buses.md).
"""

from haat.engines.bus.opening import is_broker, open_bus
from haat.engines.bus.port import (
    Backlog,
    Bus,
    DeadLetter,
    DeadLetterGone,
    DeadLetters,
    Limits,
    Route,
    Source,
    Subscription,
    route_of,
)
from haat.engines.bus.postgres import PostgresBus

__all__ = [
    "Backlog",
    "Bus",
    "DeadLetter",
    "DeadLetterGone",
    "DeadLetters",
    "Limits",
    "PostgresBus",
    "Route",
    "Source",
    "Subscription",
    "is_broker",
    "open_bus",
    "route_of",
]
