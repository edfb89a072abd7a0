"""Airflow's history: which rows and log files go, and what a task gets to know for that."""

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import Mock

import psycopg
import pytest
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from dags.runners.airflow_history import CONNECTION_VARIABLES, CleanAirflow, read_keep_days, remove_old_files
from dags.runners.environment import TASK_VARIABLE_PREFIXES
from tests.conftest import started_stack
from tests.dags.runners.fake_engine import context

NOW = datetime.now(UTC)
OLD, YOUNG = NOW - timedelta(days=31), NOW - timedelta(days=29)


def write(path: Path, at: datetime) -> Path:
    """A file that was written at this time, in a folder as old."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("log")
    for each in (path, path.parent):
        os.utime(each, (at.timestamp(), at.timestamp()))
    return path


def test_old_files_and_the_folders_that_they_leave_empty_go(tmp_path: Path) -> None:
    old = write(tmp_path / "dag_id=a" / "run_id=1" / "attempt=1.log", OLD)
    retried = write(tmp_path / "dag_id=a" / "run_id=2" / "attempt=1.log", OLD)
    again = write(tmp_path / "dag_id=a" / "run_id=2" / "attempt=2.log", YOUNG)
    (tmp_path / "latest").symlink_to(tmp_path / "dag_id=a", target_is_directory=True)
    before = NOW - timedelta(days=30)
    assert remove_old_files(tmp_path, before) == (2, 6)
    assert not old.parent.exists()
    assert (retried.exists(), again.exists(), (tmp_path / "latest").exists()) == (False, True, True)
    assert remove_old_files(tmp_path, before) == (0, 0)
    os.utime(tmp_path, (OLD.timestamp(), OLD.timestamp()))
    again.unlink()
    assert remove_old_files(tmp_path / "none", before) == (0, 0)
    assert remove_old_files(tmp_path, before) == (0, 0)
    assert tmp_path.exists()


@pytest.mark.parametrize("days", ["0", "-1", "a month", "1.5"])
def test_days_that_are_none_fail_the_task_for_good(monkeypatch: pytest.MonkeyPatch, days: str) -> None:
    monkeypatch.setenv("KEEP_AIRFLOW_DAYS", days)
    with pytest.raises(AirflowFailException, match=f"KEEP_AIRFLOW_DAYS is '{days}'"):
        CleanAirflow(task_id="clean_airflow").execute(context())


@pytest.mark.parametrize(("days", "read"), [("", 30), ("7", 7)])
def test_the_days_are_a_setting(monkeypatch: pytest.MonkeyPatch, days: str, read: int) -> None:
    monkeypatch.setenv("KEEP_AIRFLOW_DAYS", days)
    assert read_keep_days() == read


def test_a_failed_command_fails_the_task_and_no_log_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\nenv > {tmp_path}/environment\necho "$@" > {tmp_path}/arguments\nexit 3\n')
    script.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(script))
    monkeypatch.setenv("AIRFLOW_DATABASE_URL", "postgresql://airflow")
    monkeypatch.setattr("dags.runners.airflow_history.remove_old_files", lambda *_: pytest.fail("the rows lead to these files"))
    with pytest.raises(AirflowException, match="airflow db clean ended with exit code 3"):
        CleanAirflow(task_id="clean_airflow").execute(context())
    environment = (tmp_path / "environment").read_text()
    assert all(f"{name}=postgresql://airflow\n" in environment for name in CONNECTION_VARIABLES)
    assert (tmp_path / "arguments").read_text().startswith("-m airflow db clean --clean-before-timestamp 20")


def test_a_verb_never_gets_the_address_of_airflows_database() -> None:
    assert not "AIRFLOW_DATABASE_URL".startswith(TASK_VARIABLE_PREFIXES)


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of an Airflow service whose database is real and migrated."""
    with started_stack(tmp_path_factory.mktemp("airflow"), ("postgres",)) as stack:
        service = stack.services["airflow-scheduler"]
        assert service.prepare is not None
        service.prepare()
        yield dict(service.environment)


@pytest.mark.integration
def test_old_rows_go_from_a_real_database_and_young_ones_stay(
    airflow: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = list[str]()
    log = Mock(info=lambda text, *values: lines.append(text % values))
    monkeypatch.setattr(BaseOperator, "log", log, raising=False)
    for name, value in airflow.items():
        monkeypatch.setenv(name, value)
    # As in a task, from which Airflow takes the address of its database.
    for name in CONNECTION_VARIABLES:
        monkeypatch.setenv(name, "airflow-db-not-allowed:///")
    file = write(tmp_path / "dag_id=a" / "attempt=1.log", OLD)
    monkeypatch.setenv("AIRFLOW__LOGGING__BASE_LOG_FOLDER", str(tmp_path))
    url = airflow["AIRFLOW_DATABASE_URL"].replace("+psycopg2", "")
    with psycopg.connect(url) as conn:
        for dag, at in (("a", OLD), ("a", OLD), ("a", YOUNG), ("only old", OLD), ("only old", OLD + timedelta(hours=1))):
            conn.execute(
                """insert into dag_run (dag_id, run_id, run_type, state, run_after, start_date)
                   values (%s, gen_random_uuid(), 'scheduled', 'success', %s, %s)""",
                [dag, at, at],
            )
            conn.execute("insert into job (dag_id, state, latest_heartbeat) values (%s, 'success', %s)", [dag, at])
            conn.execute("insert into log (dttm, event) values (%s, 'trigger')", [at])
    for _ in range(2):
        CleanAirflow(task_id="clean_airflow").execute(context())
        with psycopg.connect(url) as conn:
            assert conn.execute("select dag_id, start_date from dag_run order by dag_id").fetchall() == [
                ("a", YOUNG),
                ("only old", OLD + timedelta(hours=1)),
            ], "the last run of a DAG stays, however old"
            assert conn.execute("select dag_id, latest_heartbeat from job where dag_id is not null").fetchall() == [("a", YOUNG)]
            assert conn.execute("select dttm from log where event = 'trigger'").fetchall() == [(YOUNG,)]
            assert conn.execute("select from pg_tables where tablename like '\\_airflow\\_deleted%'").fetchall() == []
    assert not file.exists()
    assert [line.split(" from ")[0] for line in lines] == ["removed 1 log files", "removed 0 log files"]
