"""Progress of long work as lines in the task log: rows done, rate, time left."""

import logging
import time

log = logging.getLogger("tasks.progress")

SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """Counts rows of one piece of work; `total` None means that the end is not known beforehand."""

    def __init__(self, what: str, total: int | None = None) -> None:
        self.what, self.total, self.done = what, total, 0
        self._started = self._said = time.monotonic()

    def advance(self, rows: int) -> None:
        self.done += rows
        now = time.monotonic()
        if now - self._said >= SECONDS_BETWEEN_LINES:
            self._said = now
            self._say(now)

    def finish(self) -> None:
        self._say(time.monotonic())

    def _say(self, now: float) -> None:
        rate = self.done / max(now - self._started, 1e-9)
        if self.total is None or self.done >= self.total:
            log.info("%s: %d rows, %.0f rows/s", self.what, self.done, rate)
            return
        left = (self.total - self.done) / max(rate, 1e-9)
        log.info("%s: %d of %d rows, %.0f rows/s, %.0f s left", self.what, self.done, self.total, rate, left)
