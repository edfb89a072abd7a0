"""Tests the DAGs' schedules: the hours of the runs, and the first run when Airflow sees a schedule for the first time."""

from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables import trigger
from airflow.timetables.base import DataInterval, TimeRestriction, Timetable

from tests.dags.test_dags import load

HOURS = ["00:00", "00:30", "02:59", "03:01", "12:00", "23:59"]
MONDAY = "2026-11-23"


def read_timetable(dag: DAG) -> Timetable:
    """Return the timetable as the scheduler reads it from its database."""
    timetable = DagSerialization.from_dict(DagSerialization.to_dict(dag)).timetable
    assert isinstance(timetable, Timetable)
    return timetable


def find_next_run(monkeypatch: pytest.MonkeyPatch, name: str, now: datetime, last: datetime | None = None) -> datetime:
    """Return when the scheduler will start the DAG next; `last` is the last scheduled run."""
    dag = load(name)
    assert dag.start_date is None, "a start date in the past makes Airflow run the last schedule that was due, whenever that was"
    assert all(task.start_date is None for task in dag.tasks)
    monkeypatch.setattr(trigger, "utcnow", lambda: now)
    before = DataInterval.exact(last) if last else None  # type: ignore[arg-type]  # Airflow asks for pendulum's datetime
    info = read_timetable(dag).next_dagrun_info(
        last_automated_data_interval=before, restriction=TimeRestriction(None, None, catchup=dag.catchup)
    )
    assert info is not None
    return info.run_after


@pytest.mark.parametrize("hour", HOURS)
def test_a_new_platform_refreshes_at_once_for_today_or_else_at_the_next_hour_due(
    monkeypatch: pytest.MonkeyPatch, hour: str
) -> None:
    now = datetime.fromisoformat(f"{MONDAY}T{hour}:00+00:00")
    run = find_next_run(monkeypatch, "refresh_movies", now)
    assert run == datetime(2026, 11, 23, 3, tzinfo=UTC)
    assert (run < now) == (hour > "03:00")


@pytest.mark.parametrize("day", range(7))
@pytest.mark.parametrize("hour", [*HOURS, "05:01"])
def test_a_new_platform_does_not_train_by_its_schedule_before_the_next_monday(
    monkeypatch: pytest.MonkeyPatch, day: int, hour: str
) -> None:
    now = datetime.fromisoformat(f"{MONDAY}T{hour}:00+00:00") + timedelta(days=day)
    run = find_next_run(monkeypatch, "train_model", now)
    assert now < run <= now + timedelta(days=7)
    assert (run.isoweekday(), run.hour) == (1, 5)


@pytest.mark.parametrize("hour", HOURS)
def test_a_new_platform_cleans_its_history_not_before_the_next_night(monkeypatch: pytest.MonkeyPatch, hour: str) -> None:
    now = datetime.fromisoformat(f"{MONDAY}T{hour}:00+00:00")
    run = find_next_run(monkeypatch, "clean_history", now)
    assert now < run <= now + timedelta(days=1)
    assert run.hour == 1


def test_a_platform_that_was_off_runs_the_last_refresh_that_it_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    last, now = datetime(2026, 11, 20, 3, tzinfo=UTC), datetime(2026, 11, 23, 1, tzinfo=UTC)
    assert find_next_run(monkeypatch, "refresh_movies", now, last) == datetime(2026, 11, 22, 3, tzinfo=UTC)
