"""`up` makes live again what Redis has lost, and runs the pipeline only if nothing was live."""

from typing import Any, cast

import pytest

from infra.cli import first_run
from infra.cli.airflow_client import AirflowClient
from infra.platform.protocol import Platform


class FakePlatform:
    endpoints = progress = None


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The DAGs that were run, in order; Airflow knows all DAGs, and training is triggered at once."""
    ran: list[str] = []

    class FakeAirflow:
        def __init__(self, _: object) -> None: ...

        def knows(self, _: str) -> bool:
            return True

        def read_import_errors(self) -> list[str]:
            return []

        def fetch_run(self, dag: str, _: object = None) -> str:
            return f"run of {dag}"

    class Step:
        def __init__(self, *_: object) -> None: ...

        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(first_run, "AirflowClient", FakeAirflow)
    monkeypatch.setattr(first_run, "step", Step)
    monkeypatch.setattr(first_run, "run_dag", lambda platform, client, dag, conf: ran.append(dag))
    monkeypatch.setattr(first_run, "follow_run", lambda client, dag, run, progress: ran.append(dag))
    return ran


@pytest.mark.parametrize(
    ("pointers", "was_live", "runs"),
    [
        ([{"deployment": 3}], True, []),
        ([None, {"deployment": 3}], True, ["reconcile"]),
        ([None, {"deployment": 3}], False, ["refresh_movies", "train_model"]),
        ([None, None, {"deployment": 3}], True, ["reconcile", "refresh_movies", "train_model"]),
    ],
    ids=["live", "lost by Redis", "new", "lost, and cannot be restored"],
)
def test_only_what_is_missing_is_done(
    monkeypatch: pytest.MonkeyPatch, ran: list[str], pointers: list[dict[str, Any] | None], was_live: bool, runs: list[str]
) -> None:
    looks = iter(pointers)
    monkeypatch.setattr(first_run, "read_pointer", lambda _: next(looks))
    monkeypatch.setattr(first_run, "was_live", lambda _: was_live)
    made = first_run.run_pipeline(cast(Platform, FakePlatform()))
    assert ran == runs
    assert made is ("train_model" in runs)


@pytest.mark.parametrize(
    ("dag", "known", "errors"),
    [
        ("refresh_movies", [False, False, True, True], [[], []]),
        ("refresh_movies", [False, False], [["refresh_movies.py: SyntaxError"]]),
        ("refresh_movie", [False], []),
    ],
    ids=["not read yet", "not readable", "misspelt"],
)
def test_a_dag_of_the_repository_is_waited_for_until_airflow_has_read_it(
    monkeypatch: pytest.MonkeyPatch, dag: str, known: list[bool], errors: list[list[str]]
) -> None:
    class Airflow:
        def knows(self, _: str) -> bool:
            return known.pop(0)

        def read_import_errors(self) -> list[str]:
            return errors.pop(0)

        def fetch_run(self, _: str) -> None: ...

        def trigger(self, name: str, _: object) -> str:
            return f"run of {name}"

    followed = []
    monkeypatch.setattr(first_run, "follow_run", lambda client, name, run, progress: followed.append(run))
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    first_run.run_dag(cast(Platform, FakePlatform()), cast(AirflowClient, Airflow()), dag, {})
    assert (followed, len(known), len(errors)) == ([f"run of {dag}"], 0, 0)
