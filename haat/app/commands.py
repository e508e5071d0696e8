"""What commands that work on a market's data have in common."""

import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import SecretStr

from haat.app.installation import Installation
from haat.app.migrating import migrate_all
from haat.app.runtime import Runtime
from haat.app.settings import AppSettings
from haat.app.targets import all_modules
from haat.engines.telemetry import set_up_logs

T = TypeVar("T")


async def with_runtime(
    settings: AppSettings,
    work: Callable[[Runtime], Awaitable[T]],
    *,
    reacts: bool = False,
) -> T:
    """Runs `work` on all modules, beside a running market or alone.

    What it announces is handled by the market beside it; alone, it is waited for when it `reacts`.
    """
    set_up_logs("error")  # the lines of a command are its own
    installation = Installation(settings)
    with installation.sql_for_command() as url:
        os.environ["HAAT_SQL_URL"] = url
        os.environ.update(installation.cards_for_command())
        reacts = reacts and installation.running() is None
        bound = settings.model_copy(update={"sql_url": SecretStr(url)})
        migrate_all(bound)
        async with Runtime(bound, all_modules(), reacts=reacts, timers=False) as runtime:
            result = await work(runtime)
            if reacts:
                await runtime.settle()
            return result
