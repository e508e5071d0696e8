"""Notifications' manifest."""

from haat.domains.reach.notifications import reactions
from haat.domains.reach.notifications.api import Notifications
from haat.domains.reach.notifications.personal import PERSONAL_DATA
from haat.domains.reach.notifications.routes import router
from haat.domains.reach.notifications.service import NotificationsService
from haat.domains.reach.notifications.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="notifications",
    group="reach",
    contract=Notifications,
    service=NotificationsService,
    package=__package__,
    tables=metadata,
    personal=PERSONAL_DATA,
    reactions=reactions,
    router=router,
)
