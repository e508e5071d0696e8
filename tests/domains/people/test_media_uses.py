"""Who shows which file, how much everybody may keep, and what becomes of what nobody needs."""

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from haat.domains.people.media.api import Claim, Kind, MediaInUse, QuotaFull
from haat.domains.people.media.proof import prove
from haat.domains.people.media.service import MediaOptions
from haat.engines.blob import open_blob
from haat.engines.sql import Database
from haat.kernel.clock import SettableClock
from haat.kernel.context import Context
from haat.kernel.errors import Forbidden, NotFound, Unauthenticated
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import clock, guest, person, system
from tests.domains.people.test_media_pictures import picture
from tests.domains.people.uploading import Desk, emptied, film

WEEK = timedelta(days=8)


@pytest.fixture
async def db(database_of: DatabaseOf) -> Database:
    return await emptied(await database_of("media"))


@pytest.fixture
def at() -> SettableClock:
    return clock()


@pytest.fixture
def desk(db: Database, at: SettableClock, tmp_path: Path) -> Desk:
    options = MediaOptions(
        media_vendor_files=5, media_vendor_mb=1, media_person_files=2, media_person_mb=200
    )
    return Desk(db, open_blob(str(tmp_path / "blobs")), at, options)


async def kept(
    desk: Desk, ctx: Context, size: tuple[int, int] = (60, 40), kind: Kind = "product"
) -> UUID:
    id = uuid4()
    content = picture(size=size)
    await desk.media.upload(ctx, id=id, content=content, vendor_id=ctx.vendor_id, kind=kind)
    return id


async def claim(desk: Desk, by: str, version: int, *ids: UUID, lasting: bool = False) -> None:
    one = Claim(by=by, version=version, ids=list(ids), lasting=lasting)
    await desk.media.claim(system(desk.at), claims=[one])


async def there(desk: Desk, *ids: UUID) -> list[bool]:
    known = {file.id for file in await desk.media.files(guest(desk.at), ids=list(ids))}
    return [id in known for id in ids]


async def a_week_later(desk: Desk) -> int:
    desk.at.advance(WEEK)
    return await desk.media.remove_unused(system(desk.at))


# -- who shows what -----------------------------------------------------------------------------


async def test_what_nobody_shows_goes_after_some_days(desk: Desk, at: SettableClock) -> None:
    me = person(at)
    used, unused = await kept(desk, me), await kept(desk, me)
    await claim(desk, "product:1", 1, used)
    at.advance(timedelta(days=6))
    assert await desk.media.remove_unused(system(at)) == 0
    assert await a_week_later(desk) == 1
    assert await there(desk, used, unused) == [True, False]
    assert len(await desk.left()) == 1
    with pytest.raises(NotFound):
        await desk.media.content(guest(at), id=unused)
    assert await desk.db.fetchval("SELECT files FROM media.usage") == 1
    assert await prove(desk.db, 10) == []


async def test_kinds_that_nobody_claims_stay(desk: Desk, at: SettableClock) -> None:
    id = await kept(desk, person(at), kind="other")
    assert await a_week_later(desk) == 0
    assert await there(desk, id) == [True]


async def test_renditions_go_with_it(desk: Desk, at: SettableClock) -> None:
    id = await kept(desk, person(at), (400, 300))
    await desk.media.render(system(at), id=id)
    await desk.media.render_rest(system(at))
    assert len(await desk.left()) > 5
    await a_week_later(desk)
    await desk.is_empty()


async def test_the_days_count_from_when_it_was_shown_last(desk: Desk, at: SettableClock) -> None:
    id = await kept(desk, person(at))
    await claim(desk, "product:1", 1, id)
    assert await a_week_later(desk) == 0
    await claim(desk, "product:1", 2)
    at.advance(timedelta(days=6))
    assert await desk.media.remove_unused(system(at)) == 0
    assert await a_week_later(desk) == 1


async def test_two_show_it(desk: Desk, at: SettableClock) -> None:
    id = await kept(desk, person(at))
    await claim(desk, "product:1", 1, id, id)
    await claim(desk, "product:2", 1, id)
    await claim(desk, "product:1", 2)
    assert await a_week_later(desk) == 0
    await claim(desk, "product:2", 2)
    assert await prove(desk.db, 10) == []
    assert await a_week_later(desk) == 1


async def test_the_newest_claim_counts(desk: Desk, at: SettableClock) -> None:
    one, two = await kept(desk, person(at)), await kept(desk, person(at))
    await claim(desk, "product:1", 3, two)
    for _ in range(2):
        await claim(desk, "product:1", 2, one)
    await claim(desk, "product:1", 3, two)
    assert await a_week_later(desk) == 1
    assert await there(desk, one, two) == [False, True]


async def test_what_stood_in_public_stays(desk: Desk, at: SettableClock) -> None:
    id = await kept(desk, person(at))
    await claim(desk, "product:1", 1, id, lasting=True)
    await claim(desk, "product:1", 2)
    assert await a_week_later(desk) == 0
    assert await there(desk, id) == [True]


async def test_files_that_are_not_there_are_passed_over(desk: Desk, at: SettableClock) -> None:
    id = await kept(desk, person(at))
    await claim(desk, "product:1", 1, uuid4(), id, uuid4())
    assert await prove(desk.db, 10) == []
    assert await a_week_later(desk) == 0


async def test_claims_at_once(desk: Desk, at: SettableClock) -> None:
    ids = [await kept(desk, person(at)) for _ in range(3)]
    claims = [
        Claim(by=f"product:{n % 4}", version=n, ids=ids[n % 3 :] if n % 5 else [])
        for n in range(40)
    ]
    await asyncio.gather(
        *(desk.media.claim(system(at), claims=claims[n::8]) for n in range(8)),
        *(desk.media.claim(system(at), claims=[one]) for one in reversed(claims)),
    )
    assert await prove(desk.db, 10) == []
    for n in range(36, 40):
        row = await desk.db.fetchrow("SELECT * FROM media.claims WHERE by = $1", f"product:{n % 4}")
        assert row is not None
        assert (row["version"], row["ids"]) == (n, claims[n].ids)


async def test_claimed_while_it_is_removed(desk: Desk, at: SettableClock) -> None:
    """Either it stays and is counted, or it is gone and nobody shows it."""
    ids = [await kept(desk, person(at)) for _ in range(6)]
    at.advance(WEEK)
    await asyncio.gather(
        *(claim(desk, f"product:{n}", 1, id) for n, id in enumerate(ids)),
        *(desk.media.remove_unused(system(at)) for _ in range(3)),
    )
    assert await prove(desk.db, 10) == []
    left = await there(desk, *ids)
    rows = await desk.db.fetch("SELECT unnest(ids) AS id FROM media.claims")
    assert {row["id"] for row in rows} == {id for id, stays in zip(ids, left, strict=True) if stays}
    assert len(await desk.left()) == sum(left)


async def test_only_modules_claim(desk: Desk, at: SettableClock) -> None:
    for ctx in (guest(at), person(at), person(at, scopes=["staff"])):
        with pytest.raises(Forbidden):
            await desk.media.claim(ctx, claims=[Claim(by="x", version=1, ids=[])])


async def test_removing_ones_own(desk: Desk, at: SettableClock) -> None:
    me, other = person(at), person(at, vendor=uuid4())
    mine = await kept(desk, me)
    for ctx, problem in ((other, NotFound), (guest(at), Unauthenticated)):
        with pytest.raises(problem):
            await desk.media.remove(ctx, id=mine)
    await claim(desk, "product:1", 1, mine)
    with pytest.raises(MediaInUse):
        await desk.media.remove(me, id=mine)
    await claim(desk, "product:1", 2)
    await desk.media.remove(me, id=mine)
    with pytest.raises(NotFound):
        await desk.media.remove(me, id=mine)
    theirs = await kept(desk, other)
    colleague = person(at, vendor=other.vendor_id)
    await desk.media.remove(colleague, id=theirs)
    await asyncio.sleep(0)
    assert await desk.left() == []
    assert await prove(desk.db, 10) == []


async def test_a_video_keeps_its_poster(desk: Desk, at: SettableClock) -> None:
    me = person(at)
    poster = await kept(desk, me)
    id, content = uuid4(), film()
    upload = await desk.media.begin_upload(
        me, id=id, kind="product", content_type="video/mp4", size_bytes=len(content),
        protocol="tus", poster_id=poster,
    )  # fmt: skip
    assert upload.tus_url is not None
    ticket = upload.tus_url.rpartition("/")[2]
    await desk.media.append(me, ticket=ticket, offset=0, content=content)
    await desk.media.complete(me, id=id)
    await claim(desk, "product:1", 1, id)
    assert await a_week_later(desk) == 0
    with pytest.raises(MediaInUse):
        await desk.media.remove(me, id=poster)
    await claim(desk, "product:1", 2)
    assert await a_week_later(desk) == 1
    assert await there(desk, id, poster) == [False, True]
    assert await a_week_later(desk) == 1
    assert await desk.left() == []
    assert await prove(desk.db, 10) == []


# -- how much -----------------------------------------------------------------------------------


async def test_files_are_counted(desk: Desk, at: SettableClock) -> None:
    team = person(at, vendor=uuid4())
    ids = [await kept(desk, team) for _ in range(5)]
    with pytest.raises(QuotaFull):
        await kept(desk, team)
    assert team.vendor_id is not None
    usage = await desk.media.usage(team, vendor_id=team.vendor_id)
    assert (usage.files, usage.files_max, usage.size_max_bytes) == (5, 5, 1 << 20)
    assert usage.size_bytes == await desk.db.fetchval("SELECT sum(size_bytes) FROM media.files")
    assert len(await desk.left()) == 5
    await desk.media.remove(team, id=ids[0])
    await kept(desk, team)
    await kept(desk, person(at))  # others have room of their own
    assert await prove(desk.db, 10) == []


async def test_bytes_are_counted(desk: Desk, at: SettableClock) -> None:
    team = person(at, vendor=uuid4())
    await kept(desk, team, (500, 500))
    with pytest.raises(QuotaFull):
        await kept(desk, team, (500, 500))
    assert len(await desk.left()) == 1
    async with desk.client(team) as client:
        body = {"contentType": "image/png", "sizeBytes": 900_000, "kind": "product"}
        answer = await client.post("/media/uploads", json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "media_quota_full")
        told = (await client.get("/media/usage")).json()
        assert (told["files"], told["filesMax"]) == (1, 5)


async def test_what_is_on_its_way_takes_room(desk: Desk, at: SettableClock) -> None:
    team = person(at, vendor=uuid4())

    async def begin() -> UUID:
        id = uuid4()
        await desk.media.begin_upload(
            team, id=id, kind="product", content_type="image/png", size_bytes=300_000,
            vendor_id=team.vendor_id,
        )  # fmt: skip
        return id

    ids = [await begin() for _ in range(3)]
    with pytest.raises(QuotaFull):
        await begin()
    assert await prove(desk.db, 10) == []
    await desk.media.abandon(team, id=ids[0])
    await begin()
    desk.at.advance(timedelta(hours=25))
    await desk.media.forget_uploads(system(at))
    await desk.is_empty()


async def test_many_at_once_do_not_take_more_than_there_is(desk: Desk, at: SettableClock) -> None:
    team = person(at, vendor=uuid4())
    found = await asyncio.gather(*(kept(desk, team) for _ in range(12)), return_exceptions=True)
    assert sum(isinstance(one, UUID) for one in found) == 5
    assert sum(isinstance(one, QuotaFull) for one in found) == 7
    assert len(await desk.left()) == 5
    assert await prove(desk.db, 10) == []


async def test_usage_is_told_to_its_own_and_to_staff(desk: Desk, at: SettableClock) -> None:
    vendor = uuid4()
    assert (await desk.media.usage(person(at, vendor=vendor), vendor_id=vendor)).files == 0
    staff = person(at, scopes=["staff:vendors"])
    assert (await desk.media.usage_of(staff, vendor_id=vendor)).files == 0
    for ctx, problem in ((person(at, vendor=uuid4()), NotFound), (guest(at), Unauthenticated)):
        with pytest.raises(problem):
            await desk.media.usage(ctx, vendor_id=vendor)


# -- what outlives its vendor's use of it, and a room of one's own ------------------------------


async def test_what_orders_may_show_is_the_markets_once_nobody_shows_it(
    desk: Desk, at: SettableClock
) -> None:
    me = person(at, vendor=uuid4())
    assert me.vendor_id is not None
    files = [await kept(desk, me) for _ in range(5)]
    await claim(desk, "product:1", 1, *files, lasting=True)
    with pytest.raises(QuotaFull):
        await kept(desk, me)
    await claim(desk, "product:1", 2, files[0], lasting=True)  # it shows others now
    with pytest.raises(QuotaFull):
        await kept(desk, me)  # for some days they still count
    assert await a_week_later(desk) == 0
    assert await there(desk, *files) == [True] * 5
    assert (await desk.media.usage(me, vendor_id=me.vendor_id)).files == 1
    assert await prove(desk.db, 10) == []
    with pytest.raises(NotFound):
        await desk.media.remove(me, id=files[1])
    # What the vendor shows again counts again, whatever room there is, and once.
    more = [await kept(desk, me) for _ in range(4)]
    await claim(desk, "product:1", 3, *files, lasting=True)
    await claim(desk, "product:2", 1, *files, *more, lasting=True)
    assert (await desk.media.usage(me, vendor_id=me.vendor_id)).files == 9
    assert await prove(desk.db, 10) == []
    await claim(desk, "product:1", 4)
    await claim(desk, "product:2", 2, *more, lasting=True)
    await a_week_later(desk)
    assert (await desk.media.usage(me, vendor_id=me.vendor_id)).files == 4
    assert await prove(desk.db, 10) == []


async def test_showing_again_and_letting_go_at_once(desk: Desk, at: SettableClock) -> None:
    me = person(at, vendor=uuid4())
    assert me.vendor_id is not None
    files = [await kept(desk, me) for _ in range(4)]
    await claim(desk, "product:1", 1, *files, lasting=True)
    await claim(desk, "product:1", 2)
    at.advance(WEEK)
    await asyncio.gather(
        desk.media.remove_unused(system(at)),
        claim(desk, "product:2", 1, *files[:2], lasting=True),
        desk.media.remove_unused(system(at)),
        claim(desk, "product:3", 1, *files[1:3], lasting=True),
    )
    await desk.media.remove_unused(system(at))
    assert (await desk.media.usage(me, vendor_id=me.vendor_id)).files == 3
    assert await prove(desk.db, 10) == []


async def test_staff_give_a_vendor_a_room_of_its_own(desk: Desk, at: SettableClock) -> None:
    me, staff = person(at, vendor=uuid4()), person(at, scopes=("staff:vendors",))
    assert me.vendor_id is not None
    vendor_id = me.vendor_id
    room = await desk.media.set_room(staff, vendor_id=vendor_id, files_max=1)
    assert (room.files_max, room.files_own, room.size_own) == (1, True, False)
    first = await kept(desk, me)
    with pytest.raises(QuotaFull) as full:
        await kept(desk, me)
    assert full.value.data == {"filesMax": 1, "sizeMaxBytes": 1 << 20}
    await desk.media.set_room(staff, vendor_id=vendor_id, files_max=7, size_max_bytes=50 << 20)
    rest = [await kept(desk, me) for _ in range(6)]
    with pytest.raises(QuotaFull):
        await kept(desk, me)
    # A smaller one takes nothing away; it only lets nothing more in.
    await desk.media.set_room(staff, vendor_id=vendor_id, files_max=2)
    assert await there(desk, first, *rest) == [True] * 7
    usual = await desk.media.set_room(staff, vendor_id=vendor_id)
    assert (usual.files_max, usual.files_own) == (5, False)
    with pytest.raises(QuotaFull):
        await kept(desk, me)
    assert await prove(desk.db, 10) == []
