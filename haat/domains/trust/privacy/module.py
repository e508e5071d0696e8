"""The manifest of privacy."""

from haat.domains.trust.privacy import reactions
from haat.domains.trust.privacy.api import Privacy
from haat.domains.trust.privacy.personal import PERSONAL_DATA
from haat.domains.trust.privacy.routes import router
from haat.domains.trust.privacy.service import PrivacyService
from haat.domains.trust.privacy.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="privacy",
    group="trust",
    contract=Privacy,
    service=PrivacyService,
    package=__package__,
    tables=metadata,
    personal=PERSONAL_DATA,
    reactions=reactions,
    router=router,
)
