"""Several workers on one listening socket: each is replaced when it ends or hangs, and SIGHUP renews them one at a time.

uvicorn's own Multiprocess was looked at first. It makes uvicorn.Server and no other, stops attending to SIGTERM and to dead
workers while a rollover waits, finds a worker well whose event loop hangs, and leaves orphans on the port when it is killed.
"""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Coroutine
from typing import Any

from serving.process.worker_pipe import DRAIN_SECONDS, LEAVES, Child

log = logging.getLogger("serving")

SILENCE_SECONDS = 20
"""A worker whose event loop has not turned for so long is killed."""
PAUSE_SECONDS = 1.0
GRACE_SECONDS = DRAIN_SECONDS + 5


class Supervisor:
    """Keeps `count` workers on the socket."""

    def __init__(self, listener: socket.socket, count: int) -> None:
        self._listener, self._count = listener, count
        self._workers: dict[int, Child] = {}
        self._next: dict[int, Child] = {}
        """Answers already, and takes the place when the worker there has left."""
        self._living: set[Child] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()
        self._rolling = self._began = False
        self._code = os.EX_OK

    async def run(self) -> int:
        """Work until SIGTERM or SIGINT; returns the exit code, a worker's own where none could begin."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._hear_hangup)
        for place in range(self._count):
            self._spawn(self._keep(place))
        await self._stop.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for child in self._living:
            child.send(signal.SIGTERM)
        await asyncio.gather(*(self._bury(child) for child in tuple(self._living)))
        return self._code

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._note_end)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.critical("a fault of the supervisor's own", exc_info=fault)
            self._code = os.EX_SOFTWARE
            self._stop.set()

    async def _keep(self, place: int) -> None:
        """See to it that a worker is at this place."""
        while True:
            child = self._next.pop(place, None) or await self._start()
            if child is None:
                if not self._began:
                    self._code = self._code or os.EX_UNAVAILABLE
                    self._stop.set()
                    return
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            self._workers[place] = child
            await self._await_leave(child)
            self._bury_soon(child)

    async def _start(self) -> Child | None:
        """Start a worker and wait until it answers; None when it ended instead, which is said."""
        try:
            child = Child.start(self._listener)
        except OSError as error:
            log.error("no worker can be started: %s", error)
            return None
        self._living.add(child)
        if await child.await_ready():
            self._began = True
            return child
        code = await self._bury(child)
        if not self._began:
            self._code = code or os.EX_SOFTWARE
        log.error("worker %d ended with code %d before it answered", child.pid, code)
        return None

    async def _await_leave(self, child: Child) -> None:
        """Wait until it is about to leave, or has died, or hangs, which is its end too."""
        try:
            while said := await child.hear(SILENCE_SECONDS):
                if LEAVES in said:
                    return
        except TimeoutError:
            log.error("worker %d has been silent for %d s and is killed", child.pid, SILENCE_SECONDS)
            child.send(signal.SIGKILL)

    def _bury_soon(self, child: Child) -> None:
        async def bury() -> None:
            log.info("worker %d ended with code %d", child.pid, await self._bury(child))

        self._spawn(bury())

    async def _bury(self, child: Child) -> int:
        code = await child.reap(GRACE_SECONDS)
        self._living.discard(child)
        return code

    def _hear_hangup(self) -> None:
        if self._rolling:
            log.info("a rollover is under way already")
        else:
            self._spawn(self._roll_over())

    async def _roll_over(self) -> None:
        """Renew each worker: the new one answers before the old one leaves, and the next begins when it has left."""
        self._rolling = True
        try:
            for place in range(self._count):
                new = await self._start()
                if new is None:
                    log.error("the rollover is given up; the other workers go on as they were")
                    return
                old, self._next[place] = self._workers[place], new
                old.dismiss()
                while self._workers[place] is not new or old in self._living:
                    await asyncio.sleep(0.05)
            log.info("rolled over %d workers", self._count)
        finally:
            self._rolling = False
