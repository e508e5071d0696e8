"""Each process erases, and tells, what its own modules have of people who asked for it.

Every few seconds it asks privacy what is to be done by the modules it runs, does it, and says so.
A part may be done twice and finds nothing the second time, so a process may die at any line.

Who was erased also stands in a list beside the data (`HAAT_ERASED`): ids, and nothing else. A
database that was restored from before their erasure does not know it; at a start it is told.
"""

import asyncio
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from haat.app.targets import all_modules
from haat.domains.trust.privacy.api import Privacy, Work
from haat.engines.mail import forget_mails
from haat.engines.sms import forget_texts
from haat.engines.sql import Sql
from haat.engines.sql.personal import Subject, erase, tell
from haat.kernel.errors import Problem

if TYPE_CHECKING:
    from haat.app.runtime import Runtime

log = structlog.get_logger("haat.privacy")

EVERY_S = 2.0
LIST_TURNS = 15  # the last part of an erasure may be another process's
LAST_PAGE = 1000
# The part of who opens the site, in a database of its own perhaps, where answers are kept.
SITE = "rest"
# Answers that were kept for repeated requests: theirs, and what others were told of them.
ANSWERS = Sql("""
DELETE FROM rest.answers WHERE principal = $1 OR EXISTS (
  SELECT FROM unnest($2::text[]) AS t(id)
   WHERE position(t.id IN route) > 0 OR position(convert_to(t.id, 'UTF8') IN body) > 0)
""")


async def keep_erasing(runtime: "Runtime") -> None:
    """Until cancelled. What fails is logged and done again."""
    keeps_list, heard, turn = _here(runtime, "privacy"), False, 0
    while True:
        try:
            if keeps_list and not heard:
                await hear_list(runtime)
                heard = True
            done = await do_work(runtime)
            if keeps_list and (done or turn % LIST_TURNS == 0):
                await write_list(runtime)
            turn += 1
        except Problem as problem:
            log.warning("erasing_waits", code=problem.code)
        except Exception as error:  # noqa: BLE001 - or nobody would be erased any more
            log.error("erasing_failed", error=type(error).__name__)
        await asyncio.sleep(EVERY_S)


async def do_work(runtime: "Runtime") -> int:
    """All that there is to do now; how many parts of it were done."""
    privacy: Privacy = runtime.inner[Privacy]
    ctx = runtime.system_context("privacy")
    every = [SITE, *(module.name for module in all_modules() if module.personal is not None)]
    here = [module.name for module in runtime.modules if module.personal is not None]
    if runtime.site:
        here.append(SITE)
    count = 0
    for work in await privacy.work(ctx, here=here, all_parts=every):
        told = {name: await _part(runtime, name, work) for name in work.modules}
        if work.kind == "erase":  # before anything is called done: who dies here is followed
            await _beside(runtime, work)
        for name, content in told.items():
            await privacy.done(ctx, id=work.id, module=name, all_parts=every, content=content)
            count += 1
    return count


async def _part(runtime: "Runtime", name: str, work: Work) -> str | None:
    """A module's part; of an export, what it tells as JSON."""
    if name == SITE:  # what it has stands beside modules, and is told by those it is about
        return "{}" if work.kind == "tell" else None
    module = next(one for one in runtime.modules if one.name == name)
    ctx = runtime.system_context("privacy")
    database = runtime.databases[module.name]
    # An account with a guest's address is an account, which its owner ends.
    email = "" if work.guest and name == "identity" else work.email
    ids = (work.orders, work.parts, work.returns, work.vendors, work.untraded)
    subject = Subject(work.person_id, email, *ids)
    if work.kind == "tell":
        return json.dumps(await tell(database, ctx, module.personal, subject))
    if module.name == "identity":  # the only place that says where they were written to
        await _forget_texts(runtime, subject)
    await erase(database, ctx, module.personal, subject)
    if module.personal.after is not None:
        await module.personal.after(runtime.services[module.contract], ctx, work.person_id)
    return None


async def _beside(runtime: "Runtime", work: Work) -> None:
    """What this process has beside its modules' tables: kept answers, letters, folders."""
    theirs = (work.person_id, *work.orders, *work.parts, *work.returns, *work.vendors)
    ids = [str(id) for id in theirs]
    await runtime.databases["rest"].execute(ANSWERS, str(work.person_id), ids)
    await runtime.bus.unword(ids)
    if work.email:
        await asyncio.to_thread(forget_mails, runtime.settings.mail, work.email, ids)


async def _forget_texts(runtime: "Runtime", subject: Subject) -> None:
    database, ctx = runtime.databases["identity"], runtime.system_context("privacy")
    module = next(one for one in runtime.modules if one.name == "identity")
    told = await tell(database, ctx, module.personal, subject)
    numbers = [str(row[name]) for row in told.get("phones", ()) for name in ("number", "pending")]
    await asyncio.to_thread(forget_texts, runtime.settings.sms, numbers)


def _here(runtime: "Runtime", name: str) -> bool:
    return any(module.name == name for module in runtime.modules)


async def hear_list(runtime: "Runtime") -> int:
    """Erases again whom the list names and this database does not know to be erased; how many."""
    privacy: Privacy = runtime.inner[Privacy]
    ctx, count = runtime.system_context("privacy"), 0
    ids = sorted(read_list(runtime.settings.erased_path))
    for at in range(0, len(ids), LAST_PAGE):
        count += await privacy.erase_again(ctx, person_ids=ids[at : at + LAST_PAGE])
    if count:
        log.warning("erased_again", people=count)
    return count


async def write_list(runtime: "Runtime") -> None:
    """Adds whom the list does not name yet."""
    privacy: Privacy = runtime.inner[Privacy]
    path = runtime.settings.erased_path
    known, after = read_list(path), UUID(int=0)
    while True:
        page = await privacy.erased(runtime.system_context("privacy"), after=after)
        add_to_list(path, (id for id in page if id not in known))
        if len(page) < LAST_PAGE:
            return
        after = page[-1]


def read_list(path: Path) -> set[UUID]:
    """The ids in the list; a line that is none (a last one that is half there) is left out."""
    try:
        lines = path.read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return set()
    found = set()
    for line in lines:
        try:
            found.add(UUID(line.strip()))
        except ValueError:
            continue
    return found


def add_to_list(path: Path, ids: Iterable[UUID]) -> None:
    """Appends these, on the disk when it returns."""
    text = "".join(f"{id}\n" for id in ids)
    if not text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
