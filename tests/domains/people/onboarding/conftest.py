from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from haat.domains.people.onboarding.service import OnboardingOptions, OnboardingService
from haat.engines.blob import Blob, open_blob
from haat.engines.http import Signer
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import (
    SECRET,
    FakeIdentity,
    clock,
)
from tests.domains.people.onboarding.scene import (
    FakeVendors,
)


@pytest.fixture
async def db(database_of: DatabaseOf) -> AsyncIterator[Database]:
    db = await database_of("onboarding")
    for table in ("looks", "waivers", "documents", "acceptances", "terms", "entries"):
        await db.execute(f"DELETE FROM onboarding.{table}")
    await db.execute("DELETE FROM onboarding.applications")
    await db.execute("DELETE FROM onboarding.outbox")
    await db.execute("UPDATE onboarding.items SET required = false, removed_at = NULL")
    yield db
    await db.execute("DELETE FROM onboarding.looks")
    await db.execute("DELETE FROM onboarding.waivers")
    await db.execute("DELETE FROM onboarding.documents")
    await db.execute("DELETE FROM onboarding.items WHERE id::text NOT LIKE '01920000-%'")


@pytest.fixture
def at() -> SettableClock:
    return clock()


@pytest.fixture
def vendors() -> FakeVendors:
    return FakeVendors()


@pytest.fixture
def blob(tmp_path: Path) -> Blob:
    return open_blob(str(tmp_path / "blobs"))


@pytest.fixture
def onboarding(
    db: Database, vendors: FakeVendors, blob: Blob, at: SettableClock
) -> OnboardingService:
    options = OnboardingOptions(document_retention_days=30)
    return OnboardingService(db, vendors, FakeIdentity(), blob, Signer(SECRET, at), options)
