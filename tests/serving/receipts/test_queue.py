"""Tests the queue on real Postgres: no receipt is lost or written twice, and no caller waits, whatever the database does."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from serving.receipts import table as receipt_table
from serving.receipts.queue import ReceiptQueue
from tests.serving.receipts.conftest import BATCH, PER_SECOND, Ask, open_queue
from tests.serving.receipts.factories import count, invent_receipt
from tests.serving.servers import free_port, wait_until

pytestmark = pytest.mark.integration


def counts(queue: ReceiptQueue) -> tuple[float, float, int]:
    """Written, dropped, pending."""
    return count(queue._written), count(queue._dropped), queue.pending


def stored(ask: Ask) -> Any:
    return ask("select count(*) from receipt")[0][0]


@contextmanager
def paused(url: str) -> Iterator[None]:
    """Pause all of the role's Postgres processes, and the one that accepts connections, within the block."""
    with psycopg.connect(url) as conn:
        backends = [pid for (pid,) in conn.execute("select pid from pg_stat_activity where usename = current_user")]
        own = conn.info.backend_pid
    with open(f"/proc/{backends[0]}/stat") as stat:
        postmaster = int(stat.read().rpartition(")")[2].split()[1])
    stopped = [postmaster, *(pid for pid in backends if pid != own)]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


def test_without_a_url_nothing_is_kept() -> None:
    with open_queue(None) as queue:
        queue.add(invent_receipt())
        assert (counts(queue), queue.trouble) == ((0, 0, 0), "")


def test_receipts_arrive_while_it_runs(url: str, ask: Ask) -> None:
    with open_queue(url) as queue:
        for _ in range(50):
            queue.add(invent_receipt())
        wait_until(lambda: queue.pending == 0, 10)
        wait_until(lambda: stored(ask) == 50, 5)
        assert (counts(queue), queue.trouble) == ((50, 0, 0), "")


def test_closing_writes_what_is_left(url: str, ask: Ask) -> None:
    with open_queue(url) as queue:
        for _ in range(2 * BATCH + 7):
            queue.add(invent_receipt())
    assert counts(queue) == (2 * BATCH + 7, 0, 0)
    assert stored(ask) == 2 * BATCH + 7


def test_no_more_than_so_many_are_written_in_a_second(url: str, ask: Ask) -> None:
    began = time.monotonic()
    with open_queue(url) as queue:
        for _ in range(3 * BATCH):
            queue.add(invent_receipt())
        wait_until(lambda: queue.pending == 0, 20)
        assert time.monotonic() - began >= 2 * BATCH / PER_SECOND
    assert stored(ask) == 3 * BATCH


def test_above_the_limit_receipts_are_dropped_and_counted(url: str, ask: Ask) -> None:
    with open_queue(f"postgresql://127.0.0.1:{free_port()}/x", limit=10, seconds=0.2) as queue:
        for _ in range(25):
            queue.add(invent_receipt())
        wait_until(lambda: "no connection" in queue.trouble, 10)
        assert counts(queue) == (0, 15, 10)
    assert counts(queue)[1] == 25


def test_a_killed_connection_loses_and_doubles_nothing(url: str, ask: Ask) -> None:
    sent = 0
    with open_queue(url) as queue:
        for _ in range(20):
            for _ in range(200):
                queue.add(invent_receipt())
                sent += 1
            time.sleep(0.1)
            ask("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'marquee-receipts'")
    assert stored(ask) == sent
    assert counts(queue) == (sent, 0, 0)


def test_an_acknowledgement_that_was_lost_doubles_nothing(url: str, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    copy, calls = receipt_table.copy, []

    def copy_and_lose(conn: Any, statement: bytes, receipts: Any) -> None:
        copy(conn, statement, receipts)
        calls.append(statement)
        if len(calls) == 1:
            raise psycopg.OperationalError("the connection broke after the commit")

    monkeypatch.setattr(receipt_table, "copy", copy_and_lose)
    with open_queue(url) as queue:
        for _ in range(30):
            queue.add(invent_receipt())
    assert len(calls) == 2
    assert (stored(ask), counts(queue)) == (30, (30, 0, 0))


def test_one_receipt_that_postgres_refuses_is_the_only_one_lost(url: str, ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    sent = [invent_receipt() for _ in range(100)]
    sent[37] = sent[37]._replace(endpoint="by pigeon")  # the table's check refuses it
    sent[70] = sent[70]._replace(features_as_of=None)  # type: ignore[arg-type]  # cannot even be encoded
    with open_queue(url) as queue:
        for each in sent:
            queue.add(each)
    assert (stored(ask), counts(queue)) == (98, (98, 2, 0))
    assert "cannot be written: CheckViolation" in caplog.text


def test_a_paused_postgres_holds_up_neither_adding_nor_closing(url: str, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipt_table, "CALL_SECONDS", 1.0)
    with open_queue(url, limit=100, seconds=1) as queue:
        wait_until(lambda: queue.trouble == "", 10)
        with paused(url):
            for _ in range(150):
                queue.add(invent_receipt())
            wait_until(lambda: queue.trouble == "Postgres does not answer in time", 5)
            assert counts(queue) == (0, 50, 100)
            queue.close(1)
            assert counts(queue)[1] == 150, "closing gave up while Postgres was still paused"


def test_after_a_pause_everything_that_waited_is_written_within_seconds(
    url: str, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipt_table, "CALL_SECONDS", 1.0)
    with open_queue(url) as queue:
        wait_until(lambda: queue.trouble == "", 10)
        with paused(url):
            for _ in range(150):
                queue.add(invent_receipt())
            wait_until(lambda: queue.trouble != "", 5)
        wait_until(lambda: queue.pending == 0, 5)
        assert (stored(ask), counts(queue), queue.trouble) == (150, (150, 0, 0), "")


def test_trouble_and_its_end_are_logged_once(
    url: str, ask: Ask, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO", "serving.receipts.queue")
    with open_queue(url) as queue:
        wait_until(lambda: queue.trouble == "", 10)
        ask("alter table receipt rename to elsewhere")
        queue.add(invent_receipt())
        wait_until(lambda: "42P01" in queue.trouble, 5)
        time.sleep(2.5)
        ask("alter table elsewhere rename to receipt")
        wait_until(lambda: queue.pending == 0, 5)
    assert [record.levelname for record in caplog.records] == ["INFO", "ERROR", "INFO"]


def test_a_wrong_url_is_reported_without_its_password(caplog: pytest.LogCaptureFixture) -> None:
    with open_queue("mysql://role:secret@127.0.0.1/x", seconds=0.1) as queue:
        wait_until(lambda: "libpq URL" in queue.trouble, 10)
    assert "secret" not in queue.trouble + caplog.text


def test_psycopg_is_imported_only_by_the_thread() -> None:
    code = "import sys, serving.receipts.queue; print('psycopg' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
