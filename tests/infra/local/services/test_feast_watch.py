"""Tests the watcher of the Feast UI: before the first deployment, and the feature set that it shows."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, cast

import pytest
import redis

from infra.local.services import feast_watch
from infra.platform import connections
from infra.platform.connections import read_live_project
from infra.platform.endpoints import POINTER, Endpoints
from infra.platform.errors import StackError
from infra.platform.layout import REPOSITORY
from infra.platform.ports import find_free_ports
from tests.log_shape import check_line

LIVE = json.dumps({"features": {"feature_set": "movies_20261125_6d03905ab5c3_bddc1a8c"}}).encode()


class FakeRedis:
    """Answers each read of the pointer with the next value; an error is raised."""

    def __init__(self, *answers: bytes | Exception | None) -> None:
        self.answers: Iterator[bytes | Exception | None] = iter(answers)

    def get(self, key: str) -> bytes | None:
        assert key == POINTER
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


def client(*answers: bytes | Exception | None) -> redis.Redis:
    return cast(redis.Redis, FakeRedis(*answers))


def test_the_ui_waits_for_the_first_feature_set_and_never_opens_another_project(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    served: list[tuple[str, int]] = []
    monkeypatch.setattr("infra.local.services.feast_watch.time.sleep", slept.append)

    class Page:
        def __init__(self, host: str, port: int) -> None:
            served.append((host, port))

        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(feast_watch, "serve_page", Page)
    waiting = client(None, None, redis.ConnectionError("away"), LIVE)
    assert feast_watch.wait_for_project(waiting, "127.0.0.1", 8889) == "movies_20261125_6d03905ab5c3_bddc1a8c"
    assert (len(slept), served) == (2, [("127.0.0.1", 8889)])


def test_the_ui_opens_at_once_if_a_feature_set_is_live() -> None:
    assert feast_watch.wait_for_project(client(LIVE), "127.0.0.1", 8889).startswith("movies_")


@pytest.mark.parametrize("answer", [None, redis.ConnectionError("away")])
def test_the_last_known_feature_set_is_shown_while_redis_has_no_pointer(answer: Exception | None) -> None:
    assert feast_watch.read_project(client(answer), "movies_1") == "movies_1"


def test_before_the_first_deployment_the_feast_cli_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    pointers: Iterator[dict[str, Any] | None] = iter([None, json.loads(LIVE)])
    monkeypatch.setattr(connections, "read_pointer", lambda _: next(pointers))
    with pytest.raises(StackError, match="No feature set is live yet"):
        read_live_project(cast(Endpoints, None))
    assert read_live_project(cast(Endpoints, None)) == "movies_20261125_6d03905ab5c3_bddc1a8c"


@pytest.mark.integration
def test_the_page_says_that_nothing_is_live() -> None:
    with feast_watch.serve_page("127.0.0.1", 0) as port, connections.local_session() as session:
        answer = session.get(f"http://127.0.0.1:{port}/p/anything", timeout=10)
    assert answer.status_code == 200
    assert "No feature set is live yet" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.integration
def test_its_log_has_the_shape_of_all_services() -> None:
    port, _ = find_free_ports(1)
    command = [sys.executable, "-m", "infra.local.services.feast_watch", "127.0.0.1", str(port), "feast"]
    environment = os.environ | {"REDIS_URL": "redis://127.0.0.1:9/0"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY, env=environment) as process:
        assert process.stdout is not None
        lines = [check_line(process.stdout.readline()) for _ in range(2)]
        process.terminate()
    assert [(line["service"], line["level"]) for line in lines] == [("feast_ui", "WARNING"), ("feast_ui", "INFO")]
    assert "Redis does not answer" in lines[0]["message"]
