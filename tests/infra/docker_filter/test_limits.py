"""Limits of the running filter: tasks and their memory, open connections, bytes of half-sent bodies."""

import json
from contextlib import ExitStack
from pathlib import Path

import pytest
from docker.errors import APIError

from tests.infra.docker_filter.bodies import SENT
from tests.infra.docker_filter.calls import PING, create, post, wait_until
from tests.infra.docker_filter.fake_engine import TASK, FakeEngine
from tests.infra.docker_filter.running import Filter, run_filter

pytestmark = pytest.mark.integration


GIB = 1024**3


@pytest.mark.parametrize(
    ("memory", "status", "reason"),
    [
        ([], 200, ""),
        ([2 * GIB] * 7, 200, ""),
        (
            [GIB] * 15,
            429,
            "have 16106127360 bytes of memory already, and this one asks for 2147483648",
        ),
        ([None, None], 429, "the 2 containers of tasks have 17179869184 bytes"),
        ([1] * 16, 429, "16 containers of tasks exist already; TASKS_MAX is 16"),
    ],
    ids=["none", "full", "memory", "memory unknown", "number"],
)
def test_tasks_are_bounded_in_number_and_in_memory(
    docker_filter: Filter, engine: FakeEngine, memory: list[int | None], status: int, reason: str
) -> None:
    engine.tasks = [{"Id": TASK, "Labels": {} if limit is None else {"marquee.memory": str(limit)}} for limit in memory]
    client = docker_filter.client()
    if status == 200:
        assert create(client, json.dumps(SENT).encode()) == {"Id": TASK}
        return
    before = len(docker_filter.log.read_bytes())
    with pytest.raises(APIError) as rejection:
        create(client, json.dumps(SENT).encode())
    assert rejection.value.status_code == status
    assert reason in str(rejection.value.explanation)
    (line,) = docker_filter.read_log(before)
    assert (line["dag_id"], line["try"]) == ("refresh_movies", 1)
    assert "POST /v1.41/containers/create" not in engine.calls


def test_of_connections_that_send_half_a_body_only_so_many_stay_open(folder: Path, engine: FakeEngine, tmp_path: Path) -> None:
    half = post("Content-Length: 60000", path="/containers/create") + b"a" * 1000
    with run_filter(folder / "docker.sock", tmp_path, FILTER_CONNECTIONS_MAX="5") as running, ExitStack() as stack:
        held = [stack.enter_context(running.connect()) for _ in range(5)]
        for client in held:
            client.sendall(half)
        wait_until(lambda: b"503" in running.send(PING)[:20])
        for client in held:
            client.close()
        wait_until(lambda: b"200" in running.send(PING)[:20])
        assert any("5 connections are open" in line["message"] for line in running.read_log())


def test_of_half_sent_bodies_only_so_many_bytes_are_held(folder: Path, engine: FakeEngine, tmp_path: Path) -> None:
    half = post("Content-Length: 60000", path="/containers/create") + b"a" * 50_000
    with run_filter(folder / "docker.sock", tmp_path, FILTER_REQUEST_BYTES_MAX=str(128 * 1024)) as running, ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(running.connect()).sendall(half)
        wait_until(lambda: b"HTTP/1.1 503 " in running.send(half))
        assert running.send(PING).startswith(b"HTTP/1.1 200 ")
