"""The vendors' manifest."""

from haat.domains.people.vendors import reactions
from haat.domains.people.vendors.api import Vendors
from haat.domains.people.vendors.personal import PERSONAL_DATA
from haat.domains.people.vendors.presence_routes import router
from haat.domains.people.vendors.service import VendorsService
from haat.domains.people.vendors.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="vendors",
    group="people",
    contract=Vendors,
    service=VendorsService,
    package=__package__,
    tables=metadata,
    personal=PERSONAL_DATA,
    reactions=reactions,
    router=router,
)
