"""One deadline for many tasks: whoever begins later is due later, so one timer, for the oldest, serves them all."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

GRACE_SECONDS = 0.02
"""After the deadline the loop still reads what has arrived: on a busy machine it was we who were late, and not Redis."""


class Deadline:
    """Ends work that takes longer than `seconds`. A timer and an `asyncio.timeout` each would cost 4 us of a 60 us answer."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._begun: dict[asyncio.Task[Any], float] = {}
        self._late: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def keep(self, work: Coroutine[Any, Any, T]) -> T:
        """Await the work in the caller's task; raises TimeoutError. A task keeps one piece of work at a time."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None, "a coroutine runs in a task"  # noqa: S101  # for mypy
        self._begun[task] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self.seconds, self._find_late)
        try:
            return await work
        except asyncio.CancelledError:
            if task in self._late and task.uncancel() == 0:
                raise TimeoutError from None
            raise
        finally:
            self._begun.pop(task, None)
            self._late.discard(task)

    def _find_late(self) -> None:
        """Give the late ones their grace, and wait for the oldest of the others."""
        loop = asyncio.get_running_loop()
        due = loop.time() - self.seconds
        late = [task for task, begun in self._begun.items() if begun <= due]
        for task in late:
            del self._begun[task]
        if late:
            self._late.update(late)
            loop.call_later(GRACE_SECONDS, self._stop, late)
        oldest = next(iter(self._begun.values()), None)
        self._timer = None if oldest is None else loop.call_at(oldest + self.seconds, self._find_late)

    def _stop(self, late: list[asyncio.Task[Any]]) -> None:
        for task in late:
            if task in self._late:
                task.cancel()
