"""The lease on real Postgres: who gets it, whose commit is let through, and what becomes of it when its holder is gone."""

import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from random import Random

import psycopg
import pytest

from infra.local.stack import Stack
from tasks import sweep_leases
from tasks.core.errors import Superseded, TaskError, Unavailable
from tasks.io.postgres import lease as lease_module
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import Lease, take
from tasks.settings import Settings
from tests.serving.servers import wait_until
from tests.tasks.settings_factory import number_attempt, own_environment, read_settings

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
VERB = "ingest_imdb"
HOLD = f"""
import sys, time
from tasks.io.postgres.lease import take
from tasks.settings import Settings
with take(Settings(), {VERB!r}):
    print("taken", flush=True)
    time.sleep(60)
"""

HOLDING = "select from pg_stat_activity where state = 'idle in transaction' and application_name ~ 'lease$'"


@pytest.fixture
def environment(stack: Stack) -> Iterator[dict[str, str]]:
    with own_environment(stack) as environment:
        yield environment


@pytest.fixture
def settings(environment: dict[str, str]) -> Settings:
    settings = read_settings(environment)
    with connect(settings) as conn:
        conn.execute("create table done (id serial primary key, what text, token bigint)")
    return settings


def ask(settings: Settings, query: str) -> list[tuple[object, ...]]:
    with connect(settings) as conn:
        return conn.execute(query.encode()).fetchall()


def commit(lease: Lease, seconds: float = 0) -> None:
    with lease.held() as conn:
        conn.execute("insert into done (what, token) values ('commit', %s)", [lease.token])
        time.sleep(seconds)


def commit_in_own_transaction(lease: Lease, settings: Settings) -> None:
    with connect(settings) as conn:
        conn.execute("insert into done (what, token) values ('commit', %s)", [lease.token])
        lease.check(conn)


def end_session(settings: Settings, lease: Lease) -> None:
    """What a restart of Postgres does to the holder."""
    with connect(settings) as conn:
        conn.execute("select pg_terminate_backend(backend_pid, 5000) from task_lease where token = %s", [lease.token])


def test_a_later_attempt_takes_over_and_the_earlier_ones_commits_are_refused(settings: Settings) -> None:
    with take(number_attempt(settings, 1), VERB) as first, take(number_attempt(settings, 2), VERB) as second:
        with pytest.raises(Superseded, match="taken over by attempt 2 of refresh_movies/manual/task since 20"):
            commit(first)
        with pytest.raises(Superseded):
            commit_in_own_transaction(first, settings)
        commit(second)
        commit_in_own_transaction(second, settings)
    assert ask(settings, "select token from done") == [(second.token,), (second.token,)]
    with pytest.raises(Superseded, match="that attempt has ended"), connect(settings) as conn:
        first.check(conn)


@pytest.mark.parametrize("attempt", ["refresh_movies/scheduled/task/2", "refresh_movies/manual/task/1", None], ids=str)
def test_another_holder_and_a_repeated_attempt_are_refused_while_one_lives(settings: Settings, attempt: str | None) -> None:
    other = settings.model_copy(update={"task_attempt": attempt})
    with take(number_attempt(settings, 1), VERB) as first:
        with (
            pytest.raises(Unavailable, match="at work for attempt 1 of refresh_movies/manual/task since"),
            take(other, VERB),
        ):
            pass
        with take(other, "train_model"):
            commit(first)
    with take(other, VERB) as second:
        assert second.token > first.token
    assert ask(settings, "select * from task_lease") == []


def test_a_person_does_not_take_over_from_a_person(settings: Settings) -> None:
    with take(settings, VERB), pytest.raises(Unavailable, match=r"for by hand, .+:\d+ since"), take(settings, VERB):
        pass


def test_the_lease_of_a_killed_holder_is_free(settings: Settings, environment: dict[str, str]) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLD], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "taken\n"
    with pytest.raises(Unavailable, match=f":{process.pid} since"), take(settings, VERB):
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()

    def is_free() -> bool:
        try:
            with take(settings, VERB) as lease:
                commit(lease)
        except Unavailable:
            return False
        return True

    wait_until(is_free, what="the lease, free once Postgres's process has ended after its client,")


def test_a_takeover_waits_for_a_commit_under_way(settings: Settings) -> None:
    with ThreadPoolExecutor(1) as pool, take(number_attempt(settings, 1), VERB) as first:
        committing = pool.submit(commit, first, 1.0)
        while not ask(settings, HOLDING):
            assert not committing.done()
        with take(number_attempt(settings, 2), VERB):
            assert ask(settings, "select token from done") == [(first.token,)]
        committing.result()


def test_a_process_that_is_stopped_in_its_commit_loses_its_hold(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_module, "LIMITS", b"set idle_in_transaction_session_timeout = '500ms'")
    with take(number_attempt(settings, 1), VERB) as first:
        with pytest.raises(Unavailable, match="25P03"):
            commit(first, 2)
        with take(number_attempt(settings, 2), VERB), pytest.raises(Superseded):
            commit(first)
    assert ask(settings, "select * from done") == []


def test_a_holder_whose_session_was_lost_goes_on_with_a_new_one(settings: Settings) -> None:
    with take(settings, VERB) as lease:
        end_session(settings, lease)
        commit(lease)
        with pytest.raises(Unavailable, match="is at work"), take(settings, VERB):
            pass
    assert ask(settings, "select token from done") == [(lease.token,)]
    assert ask(settings, "select * from task_lease") == []


def test_a_holder_whose_session_was_lost_may_be_taken_over(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    with take(settings, VERB) as lost:
        end_session(settings, lost)
        with take(settings, VERB) as other:
            with pytest.raises(Superseded, match="by hand"):
                commit(lost)
            commit(other)
    with take(settings, VERB) as lost:
        end_session(settings, lost)
    assert "was lost before the task ended, with its session" in caplog.text


def test_a_takeover_ends_the_work_of_the_earlier_attempt_and_frees_its_locks(settings: Settings) -> None:
    freed = []

    def work(first: Lease) -> None:
        with first.connect() as conn:
            conn.execute("lock table movie in access exclusive mode")
            conn.execute("insert into done (what) values ('half')")
            with take(number_attempt(settings, 2), VERB) as second, second.connect() as other:
                other.execute("set lock_timeout = '5s'")
                other.execute("drop table movie")
                freed.append("movie")
            conn.execute("insert into done (what) values ('whole')")

    with take(number_attempt(settings, 1), VERB) as first:
        with pytest.raises(Superseded):
            work(first)
        assert freed
        with pytest.raises(Superseded), first.connect():
            pass
    assert ask(settings, "select * from done") == []


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


def test_the_sweeper_deletes_only_leases_whose_session_is_gone(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with take(settings, "train_model"), take(settings, "build_features") as committing, take(settings, VERB) as lost:
        end_session(settings, lost)
        with committing.held():
            sweep_leases.run(settings)
        assert ask(settings, "select key from task_lease order by 1") == [("build_features",), ("train_model",)]
        assert "1 leases deleted" in caplog.text
        with pytest.raises(Superseded):
            commit(lost)
        sweep_leases.run(settings)
        assert "0 leases deleted" in caplog.text


def take_and_free(settings: Settings) -> None:
    with take(settings, VERB):
        pass


@pytest.mark.parametrize("act", [take_and_free, sweep_leases.run], ids=["take", "sweep"])
def test_a_dead_lease_that_someone_takes_over_meanwhile_is_left_to_them(
    settings: Settings, act: Callable[[Settings], None]
) -> None:
    """Postgres shows a transaction the sessions of its first look: a look before the row is free would miss the newcomer's."""
    url = settings.movies_database_url.get_secret_value()
    with connect(settings) as conn:
        conn.execute("insert into task_lease values (%s, 0, 'gone', null, now(), 1, now())", [VERB])
    with ThreadPoolExecutor(1) as pool, psycopg.connect(url) as conn:
        conn.execute("select from task_lease for update")
        acting = pool.submit(act, settings)
        while not acting.done() and not ask(settings, "select from pg_stat_activity where wait_event_type = 'Lock'"):
            time.sleep(0.01)
        with psycopg.connect(url) as newcomer:
            session = "select pid, backend_start from pg_stat_activity where pid = %s"
            give = f"update task_lease set holder = 'newcomer', (backend_pid, backend_start) = ({session})"  # noqa: S608  # constants
            conn.execute(give.encode(), [newcomer.info.backend_pid])
            conn.commit()
            assert isinstance(acting.exception(), Unavailable | None)
            assert ask(settings, "select holder from task_lease") == [("newcomer",)]


def test_the_command_takes_the_lease_and_ends_with_the_code_for_another_try(
    settings: Settings, environment: dict[str, str], stack: Stack
) -> None:
    def run(verb: str, **variables: str) -> tuple[int, str]:
        command = [str(stack.settings.layout.python("tasks")), "-m", f"tasks.{verb}"]
        whole = environment | variables
        done = subprocess.run(command, cwd=ROOT, env=whole, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    with take(settings, "build_features"):
        code, told = run("build_features", TASK_ATTEMPT="refresh_movies/manual/build_features/1")
        assert (code, "Busy: build_features is at work for by hand" in told) == (75, True)
        code, told = run("sweep_leases")
        assert (code, "0 leases deleted" in told) == (0, True)
    code, told = run("build_features", TASK_ATTEMPT="refresh_movies/manual/build_features/1")
    assert (code, "there is no movie in the database" in told) == (65, True)
    assert ask(settings, "select * from task_lease") == []
    code, told = run("build_features", TASK_ATTEMPT="once")
    assert (code, "setting TASK_ATTEMPT" in told) == (78, True)
