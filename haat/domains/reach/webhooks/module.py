"""Webhooks' manifest."""

from haat.domains.reach.webhooks import reactions
from haat.domains.reach.webhooks.api import Webhooks
from haat.domains.reach.webhooks.personal import PERSONAL_DATA
from haat.domains.reach.webhooks.routes import router
from haat.domains.reach.webhooks.service import WebhooksService
from haat.domains.reach.webhooks.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="webhooks",
    group="reach",
    contract=Webhooks,
    service=WebhooksService,
    package=__package__,
    tables=metadata,
    personal=PERSONAL_DATA,
    reactions=reactions,
    router=router,
    run=WebhooksService.work,
)
