"""Identity's manifest."""

from haat.domains.people.identity import reactions
from haat.domains.people.identity.api import Identity
from haat.domains.people.identity.elsewhere_routes import router
from haat.domains.people.identity.personal import PERSONAL_DATA
from haat.domains.people.identity.service import IdentityService
from haat.domains.people.identity.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="identity",
    group="people",
    contract=Identity,
    service=IdentityService,
    package=__package__,
    tables=metadata,
    personal=PERSONAL_DATA,
    reactions=reactions,
    router=router,
)
