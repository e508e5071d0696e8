"""Background workers beside the HTTP workers: forked, like them, from the process that has imported
everything, whose memory they share. One that imports for itself takes 75 MB more.
"""

import ctypes
import multiprocessing
import os
import signal
import socket
import threading
import time
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.context import ForkProcess

from haat.app.crew import RESTARTS_MAX
from haat.app.installation import tell
from haat.app.processes import HAND_OVER, STEADY_S, has_said_ready
from haat.engines.hands import HANDS

COUNT = "HAAT_BESIDE"  # how many background workers the HTTP process starts
LOG = "HAAT_BESIDE_LOG"  # the file they write their log to, where it is not the HTTP workers' own
NAME = "haat-work"  # what the table of processes shows for one
HELPER = "haat-load"  # and for one that helps with imports
NICE = 10  # who buys goes first
_PR_SET_NAME = 15


class _Kept:
    """That many processes, forked from this one; a thread of its own watches over each."""

    name: str

    def __init__(self, count: int, listening: Sequence[socket.socket]) -> None:
        self._listening = listening
        self._ending = False
        self._processes = [self._start() for _ in range(count)]

    def watch(self) -> None:
        for place in range(len(self._processes)):
            threading.Thread(target=self._keep, args=(place,), daemon=True).start()

    def end(self) -> None:
        """Tells them to let what is under way end, and starts none any more."""
        self._ending = True
        for process in self._processes:
            with suppress(ProcessLookupError):
                os.kill(process.pid or 0, signal.SIGTERM)

    def await_end(self, until: float) -> None:
        """Until that moment of the monotonic clock; then what still runs is killed."""
        for process in self._processes:
            process.join(max(0.0, until - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()

    def _start(self) -> ForkProcess:
        process = multiprocessing.get_context("fork").Process(target=self._work, name=self.name)
        process.start()
        return process

    @abstractmethod
    def _work(self) -> None: ...

    @abstractmethod
    def _keep(self, place: int) -> None: ...


class Beside(_Kept):
    """Keeps that many running until told to end: one that ends is started again, with back-off."""

    name = NAME

    def _work(self) -> None:
        _settle(self._listening, NAME)
        from haat.app import work

        work.main()

    def _keep(self, place: int) -> None:
        """This thread lives as long as what it starts: a process that is tied to its parent is
        tied to the thread that started it."""
        failures, was_ready = 0, False
        started = time.monotonic()
        while True:
            process = self._processes[place]
            process.join()
            if self._ending:
                return
            was_ready = was_ready or has_said_ready(process.pid or 0)
            failures = 1 if time.monotonic() - started > STEADY_S else failures + 1
            if not was_ready or failures > RESTARTS_MAX:
                os._exit(1)  # our supervisor tells, and takes it from here
            tell("the worker process ended; starting it again")
            time.sleep(min(0.1 * 2**failures, 10))
            if self._ending:
                return
            started = time.monotonic()
            self._processes[place] = self._start()
            if self._ending:  # told meanwhile: the one just started has not heard
                self.end()


class Helping(_Kept):
    """Keeps that many processes at hand which sleep, at next to no cost, until they are called
    (`haat.engines.hands`), work while there is something to do, and end: another one sleeps then.
    One that is told to end loses nothing: leases of what is under way run out.
    """

    name = HELPER

    def __init__(self, count: int, listening: Sequence[socket.socket]) -> None:
        self._asleep, calling = os.pipe()
        os.set_blocking(calling, False)
        os.environ[HANDS] = f"{count}:{calling}"  # for who is forked from here on
        super().__init__(count, listening)

    def _work(self) -> None:
        _settle(self._listening, HELPER)
        os.environ.pop(HANDS)  # who helps calls nobody
        os.nice(NICE)
        os.read(self._asleep, 1)
        from haat.app import helping

        helping.main()

    def _keep(self, place: int) -> None:
        failures = 0
        while True:
            process = self._processes[place]
            process.join()
            failures = failures + 1 if process.exitcode else 0
            time.sleep(min(0.1 * 2**failures, 30))
            if self._ending:
                return
            if failures:
                tell("a process that helps with imports ended; starting it again")
            self._processes[place] = self._start()
            if self._ending:
                self.end()


def _settle(listening: Sequence[socket.socket], name: str) -> None:
    """In a process just forked."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, HAND_OVER):
        signal.signal(number, signal.SIG_DFL)  # until its own are set
    for one in listening:
        one.close()
    ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode(), 0, 0, 0)
    log = os.environ.pop(LOG, "")
    if log:
        os.environ["HAAT_LOG_FILE"] = log
