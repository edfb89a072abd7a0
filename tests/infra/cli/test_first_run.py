"""`up` makes live again what Redis has lost, and runs the pipeline only if nothing was live."""

from typing import Any, cast

import pytest

from infra.cli import first_run
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
