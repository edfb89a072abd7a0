"""Many who want the lease at once: exactly one commits, and nobody after a takeover."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from random import Random

import pytest

from tasks.core.errors import Superseded, TaskError, Unavailable
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import take
from tasks.settings import Settings
from tests.tasks.lease.holders import VERB, ask, commit
from tests.tasks.settings_factory import number_attempt

pytestmark = pytest.mark.integration


def race(contenders: int, contend: Callable[[int], None]) -> list[TaskError | None]:
    """Let them all contend at once; returns how each ended."""

    def run(number: int) -> TaskError | None:
        try:
            contend(number)
        except TaskError as error:
            return error
        return None

    with ThreadPoolExecutor(contenders) as pool:
        return list(pool.map(run, range(1, contenders + 1)))


@pytest.mark.parametrize("of_one_task", [True, False], ids=["attempts of one task", "other holders"])
def test_of_twenty_that_race_for_one_commit_exactly_one_commits(settings: Settings, of_one_task: bool) -> None:
    for round_number in range(10):
        every_one_has_tried, refused = threading.Barrier(20, timeout=60), list[int]()

        def contend(number: int, barrier: threading.Barrier = every_one_has_tried, refused: list[int] = refused) -> None:
            attempt = number_attempt(settings, number) if of_one_task else number_attempt(settings, 1, run=str(number))
            with ExitStack() as stack:
                try:
                    lease = stack.enter_context(take(attempt, VERB))
                except Unavailable:
                    refused.append(number)
                    barrier.wait()
                    raise
                barrier.wait()
                commit(lease)

        ends = race(20, contend)
        assert ends.count(None) == 1
        assert ask(settings, "select count(*) from done") == [(round_number + 1,)]
        if of_one_task:
            assert ends[19] is None
        assert len(refused) + sum(isinstance(end, Superseded) for end in ends) == 19


def test_no_commit_comes_after_a_takeover(settings: Settings) -> None:
    """Attempts start, commit over and over, and are taken over at random moments, and none ends before all have tried."""
    every_one_has_tried = threading.Barrier(20, timeout=60)

    def contend(number: int) -> None:
        random = Random(number)
        time.sleep(number * 0.05 + random.random() * 0.1)
        with ExitStack() as stack:
            try:
                lease = stack.enter_context(take(number_attempt(settings, number), VERB))
                with connect(settings) as conn:
                    conn.execute("insert into done (what, token) values ('take', %s)", [lease.token])
                for _ in range(20):
                    commit(lease, random.random() * 0.01)
            finally:
                every_one_has_tried.wait()

    race(20, contend)
    late = "select c.id from done c join done t on t.token > c.token and t.id < c.id where c.what = 'commit' and t.what = 'take'"
    assert ask(settings, late) == []
    took, committed = ask(settings, "select count(distinct token), count(*) filter (where what = 'commit') from done")[0]
    assert isinstance(took, int)
    assert isinstance(committed, int)
    assert took > 5
    assert committed > 20
