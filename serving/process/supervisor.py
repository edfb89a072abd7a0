"""Supervises several workers on one listening socket: replaces a worker that ends or hangs; SIGHUP replaces all, one at a time.

uvicorn's own Multiprocess creates only uvicorn.Server, ignores SIGTERM and dead workers during a rollover, does not detect a
worker whose event loop hangs, and leaves orphans on the port when it is killed. gunicorn replaces its workers at SIGHUP without
waiting for the new ones, which need seconds to verify a model; requests would wait for them.
"""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Coroutine
from typing import Any

from serving.process.worker_pipe import DRAIN_SECONDS, DRAINING, Child
from serving.telemetry.process_metrics import ProcessMetrics

log = logging.getLogger("serving")

SILENCE_SECONDS = 20
"""Time without a heartbeat after which a worker is killed, because its event loop hangs."""
RESTART_SECONDS = 1.0
"""Pause between a failed start of a worker and the next try."""
KILL_SECONDS = DRAIN_SECONDS + 5
"""Time after which a worker that was asked to drain is killed."""


class Supervisor:
    """The supervisor of `count` workers on one socket."""

    def __init__(self, listener: socket.socket, count: int, metrics: ProcessMetrics) -> None:
        self._listener, self._count, self._metrics = listener, count, metrics
        self._workers: dict[int, Child] = {}
        self._replacements: dict[int, Child] = {}
        """Ready workers by place; each takes over when the worker at its place drains."""
        self._children: set[Child] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()
        self._rolling_over = self._has_started = False
        self._code = os.EX_OK

    async def run(self) -> int:
        """Supervise until SIGTERM or SIGINT. Return the exit code, a worker's when none could start."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._on_hangup)
        for place in range(self._count):
            self._spawn(self._supervise(place))
        await self._stop.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._listener.close()  # when the workers' copies are closed too, new connections are refused
        for child in self._children:
            child.kill(signal.SIGTERM)
        await asyncio.gather(*(self._reap(child) for child in tuple(self._children)))
        return self._code

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._note_end)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.critical("the supervisor failed; all workers end", exc_info=fault)
            self._code = os.EX_SOFTWARE
            self._stop.set()

    async def _supervise(self, place: int) -> None:
        """Keep a worker running at this place, numbered from 0."""
        while True:
            child = self._replacements.pop(place, None) or await self._start()
            if child is None:
                if not self._has_started:
                    self._code = self._code or os.EX_UNAVAILABLE
                    self._stop.set()
                    return
                await asyncio.sleep(RESTART_SECONDS)
                continue
            self._workers[place] = child
            await self._await_end(child)
            self._reap_in_background(child)

    async def _start(self) -> Child | None:
        """Start a worker and wait until it answers; log an error and return None when it ends instead."""
        try:
            child = Child.start(self._listener)
        except OSError as error:
            log.error("no worker can be started: %s", error)
            return None
        self._children.add(child)
        self._metrics.add(child.pid, child.metrics)
        if await child.await_ready():
            self._has_started = True
            return child
        code = await self._reap(child)
        if not self._has_started:
            self._code = code or os.EX_SOFTWARE
        log.error("worker %d ended with code %d before it answered", child.pid, code)
        return None

    async def _await_end(self, child: Child) -> None:
        """Wait until the worker drains or has ended; kill it when it hangs."""
        try:
            while messages := await child.receive(SILENCE_SECONDS):
                if DRAINING in messages:
                    return
        except TimeoutError:
            log.error("worker %d has sent no heartbeat for %d s and is killed", child.pid, SILENCE_SECONDS)
            child.kill(signal.SIGKILL)

    def _reap_in_background(self, child: Child) -> None:
        async def reap() -> None:
            log.info("worker %d ended with code %d", child.pid, await self._reap(child))

        self._spawn(reap())

    async def _reap(self, child: Child) -> int:
        code = await child.reap(KILL_SECONDS)
        await asyncio.to_thread(self._metrics.retire, child.pid)
        self._children.discard(child)
        return code

    def _on_hangup(self) -> None:
        if self._rolling_over:
            log.info("a rollover is already in progress")
        else:
            self._spawn(self._roll_over())

    async def _roll_over(self) -> None:
        """Replace the workers one after the other; each new worker answers before the old one drains."""
        self._rolling_over = True
        try:
            for place in range(self._count):
                new = await self._start()
                if new is None:
                    log.error("the rollover stops; the other workers continue unchanged")
                    return
                old, self._replacements[place] = self._workers[place], new
                old.drain()
                while self._workers[place] is not new or old in self._children:
                    await asyncio.sleep(0.05)
            log.info("rolled over %d workers", self._count)
        finally:
            self._rolling_over = False
