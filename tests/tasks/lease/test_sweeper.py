"""Leases whose holders are gone, and the command that takes one."""

import logging
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from infra.local.stack import Stack
from tasks import sweep_leases
from tasks.core.errors import Superseded, Unavailable
from tasks.io.postgres.connection import connect
from tasks.io.postgres.lease import take
from tasks.settings import Settings
from tests.tasks.lease.holders import ROOT, VERB, ask, commit, end_session

pytestmark = pytest.mark.integration


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
