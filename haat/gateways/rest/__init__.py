"""REST under /api/v1 (and /v1): assembles the modules' routers, with OpenAPI at /docs.

`create` makes the ASGI application; it knows contracts only and is handed doors and routers.
"""

from haat.gateways.rest.application import Edge, Parts, create, describe, equip
from haat.gateways.rest.joined import router as joined
from haat.gateways.rest.storage import AnswerStore

__all__ = ["AnswerStore", "Edge", "Parts", "create", "describe", "equip", "joined"]
