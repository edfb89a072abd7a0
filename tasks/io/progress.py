"""Progress of long work as lines of the task log: rows done, rate, time left."""

import logging
import time

log = logging.getLogger("tasks.progress")

SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """Counts the rows of one piece of work. Each line has the numbers as field `progress` too, for programs that show it."""

    def __init__(self, name: str, total: int | None = None) -> None:
        """Take the name of the work and its rows; None if their number is not known beforehand."""
        self.name, self.total, self.done = name, total, 0
        self._started = self._logged = time.monotonic()

    def advance(self, rows: int) -> None:
        """Count rows; log a line if the last one is old enough."""
        self.done += rows
        now = time.monotonic()
        if now - self._logged >= SECONDS_BETWEEN_LINES:
            self._logged = now
            self._log(now)

    def finish(self) -> None:
        """Log the last line."""
        self._log(time.monotonic())

    def _log(self, now: float) -> None:
        rate = self.done / max(now - self._started, 1e-9)
        fields = {"progress": {"what": self.name, "done": self.done, "total": self.total}}
        if self.total is None or self.done >= self.total:
            log.info("%s: %d rows, %.0f rows/s", self.name, self.done, rate, extra={"fields": fields})
            return
        left = (self.total - self.done) / max(rate, 1e-9)
        message = "%s: %d of %d rows, %.0f rows/s, %.0f s left"
        log.info(message, self.name, self.done, self.total, rate, left, extra={"fields": fields})
