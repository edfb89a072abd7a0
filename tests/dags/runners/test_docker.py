"""A task as a container: the requests to the engine, the secrets, and the error for each end."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from urllib3.exceptions import ConnectTimeoutError, ProtocolError

from dags.runners import container_log
from dags.runners import docker as task_container
from dags.runners import engine as engines
from dags.runners.docker import TaskContainer
from tests.dags.runners.fake_engine import ID, IMAGE_ID, RUN, FakeEngine, container, context

REMOVED = f"DELETE /containers/{ID}"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    fake = FakeEngine()
    monkeypatch.setattr(task_container, "connect", fake.client)
    return fake


@pytest.fixture
def task() -> TaskContainer:
    return TaskContainer(
        task_id="ingest_imdb", verb="ingest_imdb", memory="2g", day="2026-11-22", execution_timeout=timedelta(minutes=1)
    )


def test_a_container_has_one_image_one_network_and_no_more_than_a_task_needs(engine: FakeEngine, task: TaskContainer) -> None:
    task.execute(context())
    host = engine.created["HostConfig"]
    assert engine.created["Image"] == "marquee/tasks:1"
    assert engine.created["Cmd"] == ["python", "-m", "tasks.ingest_imdb", "--day", "2026-11-22"]
    assert host["NetworkMode"] == "marquee_tasks"
    assert host["Memory"] == host["MemorySwap"] == 2 * 1024**3
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["ReadonlyRootfs"] is True
    assert host["Tmpfs"] == {"/tmp": "rw,noexec,nosuid,nodev,size=2g"}  # noqa: S108  # the container's
    assert host["PidsLimit"] == 512
    assert host["Init"] is True
    assert not any(host.get(name) for name in ("Binds", "Mounts", "Privileged", "CapAdd", "PidMode", "IpcMode", "Devices"))


def test_a_container_names_its_attempt_and_is_removed_after_its_task(engine: FakeEngine, task: TaskContainer) -> None:
    task.execute(context(number=2))
    assert engine.created["Labels"] == {
        "marquee.platform": "marquee",
        "marquee.task": "ingest_imdb",
        "marquee.dag": "refresh_movies",
        "marquee.run": RUN,
        "marquee.try": "2",
    }
    assert f"TASK_ATTEMPT=refresh_movies/{RUN}/ingest_imdb/2" in engine.created["Env"]
    assert engine.calls[-1] == REMOVED


@pytest.mark.parametrize(("images", "named"), [(1, f"marquee/tasks:1@{IMAGE_ID}"), (2, "marquee/tasks:1")])
def test_a_container_gets_its_images_id_unless_the_name_matches_several(
    engine: FakeEngine, task: TaskContainer, images: int, named: str
) -> None:
    engine.images *= images
    task.execute(context())
    assert f"TASK_IMAGE={named}" in engine.created["Env"]


def test_secrets_reach_the_container_and_nothing_that_airflow_stores_or_shows(
    engine: FakeEngine, task: TaskContainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    task.execute(context())
    assert "AWS_SECRET_ACCESS_KEY=canary" in engine.created.pop("Env")
    assert "canary" not in json.dumps(engine.created)
    shown = {name: getattr(task, name) for name in task.template_fields}
    assert shown["environment"] == {}
    assert "canary" not in repr(shown)


def test_containers_of_earlier_attempts_are_removed_before_the_next_starts(
    engine: FakeEngine, task: TaskContainer, warnings: list[str]
) -> None:
    others = ({"task": "ingest_tmdb"}, {"run": "manual__other"}, {"dag": "other"}, {"platform": "other"})
    engine.listed = [
        container("eee1"),
        container("eee2", **{"try": "2"}),
        *(container(f"bbb{n}", **o) for n, o in enumerate(others)),
    ]
    task.execute(context(number=3))
    first, second, start = (
        engine.calls.index(call)
        for call in ("DELETE /containers/eee100000000", "DELETE /containers/eee200000000", "POST /containers/create")
    )
    assert max(first, second) < start
    assert not any("bbb" in call for call in engine.calls)
    assert warnings == [f"removing container eee{number}00000000, left by attempt {number}" for number in (1, 2)]


@pytest.mark.parametrize(
    ("ended", "error", "message"),
    [
        ({"ExitCode": 65, "OOMKilled": False}, AirflowFailException, "ended with exit code 65"),
        ({"ExitCode": 75, "OOMKilled": False}, AirflowException, "ended with exit code 75"),
        ({"ExitCode": 137, "OOMKilled": False}, AirflowException, "killed from outside by SIGKILL"),
        ({"ExitCode": 137, "OOMKilled": True}, AirflowFailException, "limit of 2g was reached"),
        ({"ExitCode": 1, "OOMKilled": True}, AirflowFailException, "limit of 2g was reached"),
    ],
)
def test_each_end_has_its_error_and_leaves_no_container(
    engine: FakeEngine, task: TaskContainer, ended: dict[str, Any], error: type[Exception], message: str
) -> None:
    engine.ended = ended
    with pytest.raises(AirflowException, match=message) as caught:
        task.execute(context())
    assert type(caught.value) is error
    assert engine.calls[-1] == REMOVED


@pytest.mark.parametrize("status", [404, 409], ids=["gone", "being removed by another"])
def test_a_container_removed_while_its_task_runs_is_reported(engine: FakeEngine, task: TaskContainer, status: int) -> None:
    def remove() -> None:
        engine.ended, engine.removal = None, status

    engine.while_it_runs = remove
    with pytest.raises(AirflowException, match=f"container {ID[:12]} is gone: it was removed while its task ran") as caught:
        task.execute(context())
    assert type(caught.value) is AirflowException


def test_a_removal_that_fails_fails_the_task(engine: FakeEngine, task: TaskContainer) -> None:
    engine.removal = 500
    with pytest.raises(Exception, match="500 Server Error"):
        task.execute(context())


def test_an_image_that_is_missing_is_named_and_never_pulled(engine: FakeEngine, task: TaskContainer) -> None:
    engine.images = []
    with pytest.raises(AirflowException, match="image marquee/tasks:1 is not on the engine at tcp://docker-filter:2375: build"):
        task.execute(context())
    assert engine.calls == ["GET /images/json"]


def test_a_cut_connection_neither_fails_the_task_nor_loses_or_repeats_a_line(
    engine: FakeEngine, task: TaskContainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container_log, "ENDING_SECONDS", 0)
    engine.outputs = [[(b"a\nb", None)], [(b"a\nbc\n", None)], [(b"bc\nd", None)]]
    lines: list[str] = []
    monkeypatch.setattr(task, "_write_line", lines.append)
    task.execute(context())
    assert [line for line in lines if "was cut" not in line] == ["a", "bc", "d"]
    assert engine.calls[-1] == REMOVED


def test_an_engine_that_went_away_is_named_in_the_error(engine: FakeEngine, task: TaskContainer) -> None:
    def go_away() -> None:
        engine.away = True

    engine.while_it_runs = go_away
    with pytest.raises(AirflowException, match="the Docker engine at tcp://docker-filter:2375 went away: refused"):
        task.execute(context())


def test_a_request_that_cannot_connect_is_sent_again_and_one_that_was_sent_is_not() -> None:
    assert engines.RECONNECT.increment("POST", "/", error=ConnectTimeoutError()).is_exhausted() is False
    with pytest.raises(ProtocolError):
        engines.RECONNECT.increment("POST", "/", error=ProtocolError())


def test_a_kill_stops_the_container_before_airflow_kills_its_process_and_removes_it(
    engine: FakeEngine, task: TaskContainer
) -> None:
    engine.while_it_runs = task.on_kill
    task.execute(context())
    stop = engine.calls.index(f"POST /containers/{ID}/stop")
    assert engine.calls[stop + 1] == REMOVED
    assert 0 < engine.stopped_within < 5


def test_killing_a_removed_container_raises_nothing(engine: FakeEngine, task: TaskContainer) -> None:
    task.execute(context())
    engine.ended, engine.removal = None, 404
    task.on_kill()
    assert engine.calls[-1] == REMOVED


def test_a_kill_before_the_start_sends_nothing_to_the_engine(engine: FakeEngine, task: TaskContainer) -> None:
    task.on_kill()
    assert engine.calls == []


def test_the_error_for_an_unreachable_engine_names_its_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    host = f"unix://{tmp_path}/none.sock"
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(AirflowException, match=f"the Docker engine at {host} does not answer"):
        engines.connect()
