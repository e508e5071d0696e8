"""The profiles' manifest."""

from haat.domains.people.profiles.api import Profiles
from haat.domains.people.profiles.personal import PERSONAL_DATA
from haat.domains.people.profiles.routes import router
from haat.domains.people.profiles.service import ProfilesService
from haat.domains.people.profiles.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="profiles",
    group="people",
    contract=Profiles,
    service=ProfilesService,
    package=__package__,
    tables=metadata,
    personal=PERSONAL_DATA,
    router=router,
)
