"""Onboarding's use cases, by what they are about."""

import asyncio
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from haat.domains.people.identity.api import Identity
from haat.domains.people.onboarding.service.agreeing import Agreeing
from haat.domains.people.onboarding.service.listing import Listing
from haat.domains.people.onboarding.service.papers import Papers
from haat.domains.people.onboarding.service.reviewing import Reviewing
from haat.domains.people.vendors.api import Vendors
from haat.engines.blob import Blob
from haat.engines.http import Signer
from haat.engines.sql import Database
from haat.kernel.settings import Settings


class OnboardingOptions(Settings):
    """For how many days documents are kept that were refused, or whose vendor was rejected or has
    closed; how many of them a process opens at once."""

    document_retention_days: Annotated[int, Field(ge=0, le=3650)] = 90
    documents_at_once: Annotated[int, Field(ge=1, le=32)] = 2


class OnboardingService(Listing, Reviewing, Papers, Agreeing):
    """Onboarding on one schema, and a store of sealed documents."""

    def __init__(
        self,
        db: Database,
        vendors: Vendors,
        identity: Identity,
        blob: Blob,
        signer: Signer,
        options: OnboardingOptions,
    ) -> None:
        self._db = db
        self._vendors = vendors
        self._identity = identity
        self._blob = blob
        self._signer = signer
        self._kept = timedelta(days=options.document_retention_days)
        self._slots = asyncio.Semaphore(options.documents_at_once)
