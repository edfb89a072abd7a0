"""The queue of receipts for Postgres: adding never waits, a thread writes; receipts over the limit are dropped and counted."""

import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from prometheus_client import Counter

from serving.receipts.receipt import Receipt

if TYPE_CHECKING:
    from serving.receipts.table import ReceiptTable

log = logging.getLogger("serving.receipts.queue")

PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.5, 2.0
"""Pause between two batches, and maximum pause between two tries while Postgres is down. The number of receipts for each pause is
limited, so that a service under full load does not spend a tenth of its time on receipts."""


class ReceiptQueue:
    """A bounded queue of receipts and its writer thread. The event loop calls `add`. Without a URL, receipts are discarded."""

    def __init__(self, url: str | None, limit: int, per_second: int, dropped: Counter, written: Counter) -> None:
        self._url, self._limit, self._dropped, self._written = url, limit, dropped, written
        self._batch = max(1, int(per_second * PAUSE_SECONDS))
        self._waiting: deque[Receipt] = deque()
        self._in_hand: list[Receipt] = []
        self._again = False
        self._closing = threading.Event()
        self._give_up_at = 0.0
        self._thread: threading.Thread | None = None
        self.trouble = "Postgres has not been tried yet" if url else ""
        """Reason why receipts cannot be written now, or ''."""

    @property
    def pending(self) -> int:
        """Return the number of receipts that are not in Postgres yet."""
        return len(self._waiting) + len(self._in_hand)

    def add(self, receipt: Receipt) -> None:
        """Queue a receipt for the thread; drop and count it when the queue is full."""
        if self._url is None:
            return
        if len(self._waiting) + len(self._in_hand) >= self._limit:
            self._dropped.inc()
        else:
            self._waiting.append(receipt)

    def start(self) -> None:
        if self._url is not None:
            self._thread = threading.Thread(target=self._write_until_closed, args=(self._url,), name="receipts", daemon=True)
            self._thread.start()

    def close(self, seconds: float) -> None:
        """Write the remaining receipts within this time. Blocks. Count the rest as dropped and log their number."""
        if self._thread is None:
            return
        self._give_up_at = time.monotonic() + seconds
        self._closing.set()
        self._thread.join(seconds)
        if left := self.pending:
            self._dropped.inc(left)
            log.error("%d receipts were not written: %s", left, self.trouble or "the time limit was reached")

    def _write_until_closed(self, url: str) -> None:
        from serving.receipts.table import ReceiptTable, TableUnavailable  # noqa: PLC0415  # psycopg only where needed

        table, pause = ReceiptTable(url), 0.0
        while True:
            closing = self._closing.wait(pause)
            self._take()
            if closing and (not self._in_hand or time.monotonic() >= self._give_up_at):
                break
            try:
                self._write(table)
                pause = PAUSE_SECONDS
                self._say("")
            except TableUnavailable as trouble:
                self._again, pause = True, min(max(pause, PAUSE_SECONDS / 2) * 2, MAX_PAUSE_SECONDS)
                self._say(str(trouble))
                if closing:
                    time.sleep(PAUSE_SECONDS / 10)  # the event is set, so `wait` returns at once
            except Exception as fault:  # noqa: BLE001  # an error in one receipt must not lose the others
                pause = 0.0
                self._bisect_batch(fault)
        table.close()

    def _take(self) -> None:
        while self._waiting and len(self._in_hand) < self._batch and not self._again:
            self._in_hand.append(self._waiting.popleft())

    def _write(self, table: "ReceiptTable") -> None:
        table.connect()
        if self._in_hand:
            table.write(self._in_hand, self._again)
            self._written.inc(len(self._in_hand))
        self._in_hand, self._again = [], False

    def _bisect_batch(self, fault: Exception) -> None:
        """Halve a rejected batch until only the faulty receipt is left, then drop that receipt."""
        if len(self._in_hand) == 1 and self._again:
            self._say(f"a receipt cannot be written: {type(fault).__name__}: {str(fault)[:300]}")
            self._dropped.inc()
            self._in_hand, self._again = [], False
            return
        half = len(self._in_hand) // 2
        self._waiting.extendleft(reversed(self._in_hand[half:]))
        del self._in_hand[half:]
        self._again = True

    def _say(self, trouble: str) -> None:
        if trouble != self.trouble:
            log.log(logging.ERROR if trouble else logging.INFO, "receipts: %s", trouble or "Postgres accepts them")
        self.trouble = trouble
