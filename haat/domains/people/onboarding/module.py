"""Onboarding's manifest."""

from haat.domains.people.onboarding import reactions
from haat.domains.people.onboarding.api import Onboarding
from haat.domains.people.onboarding.personal import PERSONAL_DATA
from haat.domains.people.onboarding.service import OnboardingService
from haat.domains.people.onboarding.staff_routes import router
from haat.domains.people.onboarding.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="onboarding",
    group="people",
    contract=Onboarding,
    service=OnboardingService,
    package=__package__,
    tables=metadata,
    personal=PERSONAL_DATA,
    reactions=reactions,
    router=router,
)
