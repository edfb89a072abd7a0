"""The running filter: docker-py works through it, and the engine gets only requests that the filter wrote."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError, NotFound

from tests.infra.docker_filter.bodies import PASSED_ON, SENT, SETTINGS, changed
from tests.infra.docker_filter.calls import PING, create, post
from tests.infra.docker_filter.fake_engine import BROKEN, FOREIGN, NO_TASK, OTHER_PLATFORM, STOPPED, TASK, FakeEngine
from tests.infra.docker_filter.running import REPOSITORY, Filter, run_filter

pytestmark = pytest.mark.integration


OUR_HEADERS = ("Host: docker", "User-Agent: marquee-docker-filter", "Content-Length: 0", "Connection: close")


def test_a_task_from_create_to_removal(docker_filter: Filter, engine: FakeEngine) -> None:
    client = docker_filter.client()
    assert client.ping()
    assert client.images(name="marquee/tasks:1") == [{}]
    assert create(client, json.dumps(SENT).encode()) == {"Id": TASK}
    client.start(TASK)
    assert client.inspect_container(TASK)["Id"] == TASK
    client.kill(TASK, "SIGTERM")
    client.stop(TASK[:12], timeout=3)
    client.remove_container(TASK, force=True)
    assert [call for call in engine.calls if not call.startswith("GET /containers/")] == [
        "GET /version",
        "GET /v1.41/_ping",
        "GET /v1.41/images/json?only_ids=0&all=0&filters=%7B%22reference%22%3A+%5B%22marquee%2Ftasks%3A1%22%5D%7D",
        "POST /v1.41/containers/create",
        f"POST /v1.41/containers/{TASK}/start",
        f"GET /v1.41/containers/{TASK}/json",
        f"POST /v1.41/containers/{TASK}/kill?signal=SIGTERM",
        f"POST /v1.41/containers/{TASK}/stop?t=3",
        f"DELETE /v1.41/containers/{TASK}?v=False&link=False&force=True",
    ]


def test_the_engine_gets_only_requests_that_the_filter_wrote(docker_filter: Filter, engine: FakeEngine) -> None:
    client = docker_filter.client()
    client.headers.update({"X-Registry-Auth": "canary", "Authorization": "canary"})
    client.start(TASK)
    create(client, json.dumps(SENT).encode())
    start, _, created = engine.seen[-3:]
    assert start.headers == OUR_HEADERS
    assert created.headers[:2] == OUR_HEADERS[:2]
    assert [line.partition(":")[0] for line in created.headers[2:]] == ["Content-Length", "Content-Type", "Connection"]
    assert json.loads(created.body) == PASSED_ON


def test_only_containers_of_this_platform_are_listed(docker_filter: Filter, engine: FakeEngine) -> None:
    docker_filter.client().containers(all=True, filters={"label": ["marquee.run=1"]})
    assert engine.calls[-1].endswith(
        "filters=%7B%22label%22%3A+%5B%22marquee.run%3D1%22%2C+%22marquee.task%22%2C+%22marquee.platform%3Dmarquee%22%5D%7D"
    )


CALLS: list[Callable[[Any, str], Any]] = [
    lambda client, container: client.inspect_container(container),
    lambda client, container: client.logs(container),
    lambda client, container: client.attach(container, stream=True),
    lambda client, container: client.start(container),
    lambda client, container: client.stop(container),
    lambda client, container: client.kill(container),
    lambda client, container: client.wait(container),
    lambda client, container: client.remove_container(container, force=True),
]


@pytest.mark.parametrize("call", CALLS, ids=("json", "logs", "attach", "start", "stop", "kill", "wait", "remove"))
@pytest.mark.parametrize("container", [FOREIGN, OTHER_PLATFORM, NO_TASK, "9" * 64, "9" * 12])
def test_other_containers_are_reported_as_missing(
    docker_filter: Filter, engine: FakeEngine, call: Callable[[Any, str], Any], container: str
) -> None:
    client = docker_filter.client()
    engine.forget()
    with pytest.raises(NotFound, match=f"No such container: {container}"):
        call(client, container)
    assert set(engine.calls) == {f"GET /containers/{container}/json"}


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        ("HostConfig.Binds", ["/:/host"], "HostConfig.Binds: may not be set"),
        ("HostConfig.Mounts", [{"Type": "bind", "Source": "/", "Target": "/x"}], "HostConfig.Mounts: may not be set"),
        ("HostConfig.Privileged", True, "HostConfig.Privileged: Input should be False"),
        ("HostConfig.NetworkMode", "host", "HostConfig.NetworkMode is 'host'; it must be 'marquee_tasks'"),
        ("Image", "python:3.11", "Image is 'python:3.11'; it must be 'marquee/tasks:1'"),
        ("HostConfig.Binds\n2026 forged", ["x"], r"HostConfig.Binds\n2026 forged: may not be set"),
    ],
)
def test_a_rejection_gives_its_reason(docker_filter: Filter, engine: FakeEngine, place: str, value: Any, reason: str) -> None:
    before = len(docker_filter.log.read_bytes())
    with pytest.raises(APIError) as rejection:
        create(docker_filter.client(), changed(place, value))
    assert rejection.value.status_code == 403
    assert rejection.value.explanation == f"the filter rejects POST /v1.41/containers/create: {reason}"
    assert "POST /v1.41/containers/create" not in engine.calls
    (line,) = docker_filter.read_log(before)
    assert (line["level"], line["service"]) == ("WARNING", "docker_filter")
    assert line["message"] == f"403 for POST /v1.41/containers/create: {reason}"


def test_exec_is_rejected(docker_filter: Filter, engine: FakeEngine) -> None:
    with pytest.raises(APIError, match="tasks do not need this call"):
        docker_filter.client().exec_create(TASK, ["id"])
    assert engine.calls == ["GET /version"]


SMUGGLED = b"GET /info HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (post("Content-Length: 0") + SMUGGLED, 204),
        (PING + SMUGGLED, 200),
        (post("Content-Length: 4", "Transfer-Encoding: chunked") + b"0\r\n\r\n" + SMUGGLED, 400),
        (post("Content-Length: 0", f"Content-Length: {len(SMUGGLED)}") + SMUGGLED, 400),
        (post("X: a\r\n Content-Length: 5") + SMUGGLED, 400),
        (post("Transfer-Encoding:\r\n chunked") + b"0\r\n\r\n" + SMUGGLED, 400),
        (post("Transfer-Encoding: chunked") + b"0\r\nX: a\r\n\r\n" + SMUGGLED, 204),
        (post(f"Content-Length: {len(SMUGGLED)}") + SMUGGLED, 403),
        (post("X: a\nX: b") + SMUGGLED, 400),
        (b"GET http://docker/info HTTP/1.1\r\nHost: a\r\n\r\n", 403),
        (b"CONNECT docker:80 HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED, 403),
        (post("Connection: Upgrade", "Upgrade: h2c", path=f"/containers/{TASK}/attach") + SMUGGLED, 403),
        (post("Connection: Upgrade", "Upgrade: tcp", path=f"/containers/{STOPPED}/attach") + SMUGGLED, 409),
        (post("Connection: Upgrade", "Upgrade: tcp", path=f"/containers/{FOREIGN}/attach") + SMUGGLED, 404),
        (post("Connection: Upgrade", "Upgrade: tcp") + SMUGGLED, 204),
        (post("Content-Length: 20000000") + b"a" * 20_000_000, 413),
        (post("X: " + "a" * 200_000), 413),
    ],
    ids=lambda item: repr(item[:60]) if isinstance(item, bytes) else str(item),
)
def test_a_second_request_on_a_connection_is_dropped(docker_filter: Filter, engine: FakeEngine, sent: bytes, status: int) -> None:
    answer = docker_filter.send(sent)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert answer.count(b"HTTP/1.1 ") == 1
    engine.settle()
    assert not [call for call in engine.calls if "info" in call]
    assert engine.stray == b""


def test_an_engine_that_dies_is_a_bad_gateway(docker_filter: Filter, engine: FakeEngine) -> None:
    with pytest.raises(APIError, match="the Docker engine ended the connection when asked to describe") as error:
        docker_filter.client().start(BROKEN)
    assert error.value.status_code == 502


def test_an_unreachable_engine_is_a_bad_gateway(tmp_path: Path) -> None:
    with run_filter(tmp_path / "absent.sock", tmp_path) as running:
        answer = running.send(PING)
    assert answer.startswith(b"HTTP/1.1 502 ")
    message = json.loads(answer.partition(b"\r\n\r\n")[2])["message"]
    assert message == f"the Docker engine does not answer at {tmp_path}/absent.sock (No such file or directory)"


def test_a_missing_setting_is_named() -> None:
    environment = {"TASKS_IMAGE": SETTINGS.tasks_image, "TASKS_NETWORK": "host"}
    command = [sys.executable, "-m", "infra.docker_filter"]
    ended = subprocess.run(command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 78
    assert "setting MARQUEE_PLATFORM: Field required" in ended.stdout
    assert "setting TASKS_NETWORK: Value error, host is one of Docker's own networks" in ended.stdout


def test_no_secret_reaches_the_log(docker_filter: Filter, engine: FakeEngine) -> None:
    client = docker_filter.client()
    create(client, json.dumps(SENT).encode())
    for place, value in (("HostConfig.Init", False), ("Env", ["canary"]), ("Env", ["PATH=canary"]), ("Cmd", ["canary"])):
        with pytest.raises(APIError) as rejection:
            create(client, changed(place, value))
        assert "canary" not in str(rejection.value)
    log = docker_filter.log.read_text()
    assert log.count("403 for POST /v1.41/containers/create") >= 4
    assert "canary" not in log
    assert "Traceback" not in log


def test_each_change_is_logged_with_the_attempt_that_it_is_about(docker_filter: Filter, engine: FakeEngine) -> None:
    client = docker_filter.client()
    before = len(docker_filter.log.read_bytes())
    create(client, json.dumps(SENT).encode())
    client.start(TASK)
    client.inspect_container(TASK)
    created, started = docker_filter.read_log(before)
    assert created["message"] == "POST /v1.41/containers/create"
    attempt = {"dag_id": "refresh_movies", "run_id": SENT["Labels"]["marquee.run"], "task_id": "ingest_imdb", "try": 1}
    assert created.items() >= attempt.items()
    assert started["message"] == f"POST /v1.41/containers/{TASK}/start"
    assert started.items() >= {"dag_id": "refresh_movies", "run_id": "manual__1", "task_id": "ingest_imdb", "try": 2}.items()
