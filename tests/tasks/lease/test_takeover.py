"""The lease on real Postgres: who gets it, and what becomes of it when its holder is gone."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tasks.core.errors import Superseded, Unavailable
from tasks.io.postgres import lease as lease_module
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import Lease, take
from tasks.settings import Settings
from tests.serving.servers import wait_until
from tests.tasks.lease.holders import HOLD, HOLDING, ROOT, VERB, ask, commit, commit_in_own_transaction, end_session
from tests.tasks.settings_factory import number_attempt

pytestmark = pytest.mark.integration


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
