"""The pipeline's latest runs: which are followed to their end, and when a day counts as done."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from types import SimpleNamespace
from typing import Any, cast

import pytest

from infra.cli import pipeline_runs
from infra.cli.airflow_client import AirflowClient
from infra.platform.endpoints import Endpoints
from infra.platform.protocol import Platform

DAY = date(2026, 12, 3)
REFRESHED = {"dag_run_id": "r", "state": "success", "queued_at": "2026-12-03T10:00:00Z"}
TRAINED = {"dag_run_id": "t", "state": "success", "queued_at": "2026-12-03T10:01:00Z"}
PLATFORM = cast(Platform, SimpleNamespace(progress=None))


def client_of(refreshed: list[dict[str, Any]], trained: list[dict[str, Any]]) -> AirflowClient:
    runs = {"refresh_movies": refreshed, "train_model": trained}
    return cast(AirflowClient, SimpleNamespace(read_runs=runs.__getitem__))


def has_run_whole(
    monkeypatch: pytest.MonkeyPatch, refreshed: list[dict[str, Any]], trained: list[dict[str, Any]], *, published: bool = True
) -> bool:
    @contextmanager
    def connect(endpoints: object, role: str) -> Iterator[Any]:
        def execute(query: str, values: list[date]) -> Any:
            assert values == [DAY]
            return SimpleNamespace(fetchone=lambda: (published,))

        yield SimpleNamespace(execute=execute)

    monkeypatch.setattr(pipeline_runs, "connect_postgres", connect)
    return pipeline_runs.has_run_whole(cast(Endpoints, None), client_of(refreshed, trained), DAY)


def test_a_day_is_done_when_its_features_are_published_and_the_training_after_them_succeeded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert has_run_whole(monkeypatch, [REFRESHED], [TRAINED])
    earlier = {**TRAINED, "state": "failed", "queued_at": "2026-12-03T09:00:00Z"}
    assert has_run_whole(monkeypatch, [REFRESHED], [TRAINED, earlier])


@pytest.mark.parametrize(
    ("refreshed", "trained", "published"),
    [
        ([REFRESHED], [TRAINED], False),
        ([{**REFRESHED, "state": "failed"}], [TRAINED], True),
        ([REFRESHED], [{**TRAINED, "state": "failed"}], True),
        ([REFRESHED], [{**TRAINED, "queued_at": "2026-12-03T09:59:00Z"}], True),
        ([REFRESHED], [], True),
        ([], [TRAINED], True),
    ],
    ids=["not published", "refresh failed", "training failed", "training of before", "no training", "no refresh"],
)
def test_an_interrupted_day_is_not_done(
    monkeypatch: pytest.MonkeyPatch, refreshed: list[dict[str, Any]], trained: list[dict[str, Any]], published: bool
) -> None:
    assert not has_run_whole(monkeypatch, refreshed, trained, published=published)


def test_unfinished_runs_are_followed_in_their_order_and_a_refresh_with_its_training(monkeypatch: pytest.MonkeyPatch) -> None:
    followed: list[str] = []
    monkeypatch.setattr(pipeline_runs, "follow_run", lambda client, dag, run, progress: followed.append(run))
    monkeypatch.setattr(
        pipeline_runs, "follow_training", lambda platform, client, since: followed.append(f"training since {since:%H:%M}")
    )
    queued = {"dag_run_id": "r2", "state": "queued", "queued_at": None, "run_after": "2026-12-03T10:05:00Z"}
    running = {**REFRESHED, "dag_run_id": "r1", "state": "running"}
    client = client_of([queued, running, REFRESHED], [{**TRAINED, "dag_run_id": "t1", "state": "running"}, TRAINED])
    pipeline_runs.finish_runs(PLATFORM, client)
    assert followed == ["r1", "training since 10:00", "r2", "training since 10:05", "t1"]
