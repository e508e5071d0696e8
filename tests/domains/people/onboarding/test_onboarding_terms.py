"""What follows from terms that are not accepted: a reminder, then listings that are held back."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from haat.domains.people.onboarding.api import TermsDraft
from haat.domains.people.onboarding.service import OnboardingService
from haat.domains.people.vendors.api import Vendor
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.errors import Unavailable
from tests.domains.people.doubles import outbox, system
from tests.domains.people.onboarding.scene import FakeVendors, owner, staff

DAY = timedelta(days=1)


async def publish(onboarding: OnboardingService, at: SettableClock, grace_days: int = 30) -> int:
    draft = TermsDraft(title="Terms", text="Be kind.", grace_days=grace_days)
    return (await onboarding.publish_terms(staff(at), id=uuid4(), draft=draft)).version


async def approved(
    onboarding: OnboardingService, vendors: FakeVendors, at: SettableClock
) -> Vendor:
    vendor = vendors.add("active")
    await onboarding.progress(owner(at, vendor), vendor_id=vendor.id)
    return vendor


async def reminded(db: Database) -> list[UUID]:
    found = await outbox(db)
    return [UUID(data["vendorId"]) for name, data in found if name == "vendor_terms.due"]


async def test_a_reminder_then_listings_are_held_back(
    onboarding: OnboardingService, vendors: FakeVendors, at: SettableClock, db: Database
) -> None:
    late, good = [await approved(onboarding, vendors, at) for _ in range(2)]
    version = await publish(onboarding, at)
    await onboarding.accept_terms(owner(at, good), vendor_id=good.id, version=version)
    await onboarding.follow_terms(system(at))
    assert (await reminded(db), vendors.held()) == ([], set())
    at.advance(24 * DAY)
    await asyncio.gather(*(onboarding.follow_terms(system(at)) for _ in range(3)))
    await onboarding.follow_terms(system(at))
    assert (await reminded(db), vendors.held()) == ([late.id], set())
    [missing] = (await onboarding.not_accepted(staff(at))).items
    assert (missing.vendor_id, missing.reminded, missing.held) == (late.id, True, False)
    at.advance(6 * DAY)
    await onboarding.follow_terms(system(at))
    assert (await reminded(db), vendors.held()) == ([], {late.id})
    assert (await onboarding.not_accepted(staff(at))).items[0].held
    await onboarding.accept_terms(owner(at, late), vendor_id=late.id, version=version)
    assert vendors.held() == set()
    assert (await onboarding.not_accepted(staff(at))).items == []


async def test_an_older_version_will_do_while_the_newest_has_time(
    onboarding: OnboardingService, vendors: FakeVendors, at: SettableClock
) -> None:
    vendor = await approved(onboarding, vendors, at)
    first = await publish(onboarding, at, 0)
    await onboarding.accept_terms(owner(at, vendor), vendor_id=vendor.id, version=first)
    await publish(onboarding, at, 10)
    await onboarding.follow_terms(system(at))
    assert vendors.held() == set()
    at.advance(11 * DAY)
    await onboarding.follow_terms(system(at))
    assert vendors.held() == {vendor.id}


async def test_who_goes_without_the_item_is_not_held(
    onboarding: OnboardingService, vendors: FakeVendors, at: SettableClock
) -> None:
    vendor, desk = await approved(onboarding, vendors, at), staff(at)
    await publish(onboarding, at, 0)
    await onboarding.follow_terms(system(at))
    assert vendors.held() == {vendor.id}
    items = await onboarding.checklist(desk)
    [item] = [one.id for one in items if one.kind == "terms"]
    await onboarding.waive(desk, vendor_id=vendor.id, item_id=item, waived=True, note="Signed")
    await onboarding.follow_terms(system(at))
    assert vendors.held() == set()
    assert (await onboarding.not_accepted(desk)).items == []


async def test_what_vendors_did_not_hear_is_told_again(
    onboarding: OnboardingService, vendors: FakeVendors, at: SettableClock
) -> None:
    vendor = await approved(onboarding, vendors, at)
    version = await publish(onboarding, at, 0)
    vendors.away = True
    with pytest.raises(Unavailable):
        await onboarding.follow_terms(system(at))
    vendors.away = False
    await onboarding.follow_terms(system(at))
    assert vendors.held() == {vendor.id}
    vendors.away = True
    with pytest.raises(Unavailable):
        await onboarding.accept_terms(owner(at, vendor), vendor_id=vendor.id, version=version)
    vendors.away = False
    await onboarding.follow_terms(system(at))
    assert vendors.held() == set()
