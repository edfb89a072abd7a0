"""Tests real processes under load while they are replaced, stopped and killed: requests keep being answered."""

import http.client
import json
import os
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGHUP, SIGKILL, SIGSTOP, SIGTERM

import psutil
import pytest

from tests.serving.conftest import CLOSED, World
from tests.serving.servers import REPOSITORY, Api, wait_until

pytestmark = pytest.mark.integration

CONNECTIONS = 20
"""Four of them ask twice a second, so that they are idle when the process behind them is told to end."""


@pytest.fixture
def api(world: World, tmp_path: Path) -> Iterator[Api]:
    """A service with a model, not started yet."""
    server = Api(tmp_path / "api", world.valkey.url, CLOSED, world.cache)
    server.environment["REDIS_TIMEOUT_SECONDS"] = "2"  # as in conftest.py: these tests are not about that deadline
    yield server
    server.stop()


class Load:
    """Callers with a connection each, which they keep until they are told `Connection: close`; nothing is asked twice."""

    def __init__(self, port: int, path: str) -> None:
        self.port, self.path = port, path
        self.answers: Counter[int] = Counter()
        self.faults: list[str] = []
        self.refusals: Counter[str] = Counter()
        self.closed = 0
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(0.5 if n < 4 else 0,)) for n in range(CONNECTIONS)]

    def _ask(self, pause: float) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        while not self._done.wait(pause):
            try:
                connection.request("GET", self.path)
                response = connection.getresponse()
                body = response.read()
            except (OSError, http.client.HTTPException) as error:
                self.faults.append(repr(error))
                connection.close()
            else:
                self.answers[response.status] += 1
                if response.status != 200:
                    self.refusals[str(json.loads(body)["detail"])] += 1
                self.closed += response.getheader("connection") == "close"
        connection.close()

    @contextmanager
    def running(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._done.set()
            for thread in self._threads:
                thread.join()


def count(api: Api, text: str) -> int:
    return api.log.read_text().count(text)


def read_metric(api: Api, series: str) -> float:
    lines = api.metrics().decode().splitlines()
    return next(float(line.removeprefix(series)) for line in lines if line.startswith(series + " "))


def workers(api: Api) -> set[int]:
    return {child.pid for child in psutil.Process(api.pid).children()}


def test_two_rollovers_of_the_one_process_fail_no_request(api: Api, world: World) -> None:
    api.start()
    assert workers(api) == set()  # one is one
    pid, load = api.pid, Load(api.port, f"/predict?movie_id={world.movies[0].movie_id}")
    with load.running():
        for turn in (1, 2):
            os.kill(pid, SIGHUP)
            wait_until(lambda turn=turn: count(api, "rolled over;") == turn, 60, what="the rollover")  # type: ignore[misc]
        wait_until(lambda: load.answers.total() > 3_000, 30, what="3,000 answers")
    assert load.faults == []
    assert set(load.answers) == {200}, load.refusals
    assert load.closed >= CONNECTIONS  # each was told to go, at least once
    assert api.pid == pid
    assert workers(api) == set()
    assert b"marquee_http_requests_total" in api.metrics()  # on the first port again


def test_two_rollovers_of_two_workers_fail_no_request(api: Api, world: World) -> None:
    api.environment["API_WORKERS"] = "2"
    api.start()
    wait_until(lambda: count(api, "Application startup complete") == 2, 60, what="two workers")
    seen, load = workers(api), Load(api.port, f"/predict?movie_id={world.movies[0].movie_id}")
    assert len(seen) == 2
    with load.running():
        for turn in (1, 2):
            os.kill(api.pid, SIGHUP)
            wait_until(lambda turn=turn: count(api, "rolled over 2 workers") == turn, 120, what="the rollover")  # type: ignore[misc]
            assert not workers(api) & seen
            seen |= workers(api)
        wait_until(lambda: load.answers.total() > 3_000, 30, what="3,000 answers")
    assert load.faults == []
    assert set(load.answers) == {200}, load.refusals
    assert len(seen) == 6
    assert count(api, '"metrics on 127.0.0.1:') == 1  # one port for all
    path = 'marquee_http_requests_total{route="/predict",status="200"}'
    assert read_metric(api, path) == load.answers.total()  # what the four ended workers answered is still counted
    assert {f'pid="{pid}"' in api.metrics().decode() for pid in workers(api)} == {True}


def test_a_worker_that_gets_sigterm_is_replaced_and_fails_no_request(api: Api, world: World) -> None:
    api.environment["API_WORKERS"] = "2"
    api.start()
    wait_until(lambda: count(api, "Application startup complete") == 2, 60, what="two workers")
    first, load = workers(api), Load(api.port, f"/predict?movie_id={world.movies[0].movie_id}")
    with load.running():
        os.kill(min(first), SIGTERM)
        wait_until(lambda: count(api, "Application startup complete") == 3, 60, what="a third worker")
        wait_until(lambda: min(first) not in workers(api), 15, what="the end of the first")
    assert load.faults == []
    assert set(load.answers) == {200}, load.refusals


def test_a_killed_worker_is_replaced(api: Api) -> None:
    api.environment["API_WORKERS"] = "2"
    api.start()
    wait_until(lambda: count(api, "Application startup complete") == 2, 60, what="two workers")
    os.kill(min(workers(api)), SIGKILL)
    wait_until(lambda: count(api, "Application startup complete") == 3, 60, what="a third worker")
    assert api.get("/livez")[0] == 200


def test_no_worker_outlives_a_killed_parent(api: Api) -> None:
    api.environment["API_WORKERS"] = "2"
    api.start()
    wait_until(lambda: count(api, "Application startup complete") == 2, 60, what="two workers")
    orphans = [psutil.Process(pid) for pid in workers(api)]
    os.kill(api.pid, SIGKILL)
    _, alive = psutil.wait_procs(orphans, timeout=15)
    assert alive == []


def test_a_replacement_that_does_not_start_leaves_the_old_process_alone(api: Api, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("")
    api.environment["API_KEYS_FILE"] = str(keys)
    api.start()
    keys.write_text("not a line of keys\n")
    os.kill(api.pid, SIGHUP)
    wait_until(lambda: count(api, "ended with code 78 before it answered") == 1, 60, what="the refusal")
    assert api.get("/livez")[0] == 200
    keys.write_text("")
    os.kill(api.pid, SIGHUP)
    wait_until(lambda: count(api, "rolled over;") == 1, 60, what="the rollover")
    assert api.get("/livez")[0] == 200


def exit_code(api: Api) -> int:
    """Start it and wait for the end that it should come to at once."""
    api.folder.mkdir()
    with api.log.open("ab") as log:
        return subprocess.run(
            api.arguments, cwd=REPOSITORY, env=api.environment, stdout=log, stderr=log, check=False, timeout=60
        ).returncode


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_malformed_line_of_keys_stops_the_start_without_its_content(api: Api, tmp_path: Path, workers: str) -> None:
    (tmp_path / "keys").write_text("# keys\n\nmarquee:my-secret-key\n")
    api.environment |= {"API_KEYS_FILE": str(tmp_path / "keys"), "API_WORKERS": workers}
    assert exit_code(api) == os.EX_CONFIG
    assert "line 3" in api.log.read_text()
    assert "my-secret-key" not in api.log.read_text()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_taken_port_stops_the_start_and_is_named(api: Api, world: World, workers: str) -> None:
    api.environment |= {"API_PORT": str(world.valkey.port), "API_WORKERS": workers}
    assert exit_code(api) == os.EX_OSERR
    assert f"Address already in use: 127.0.0.1:{world.valkey.port}" in api.log.read_text()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("RATE_LIMIT", "much"), ("CORS_ALLOWED_ORIGINS", "example.org"), ("API_WORKERS", "0"), ("METRICS_PORT", "x")],
)
def test_a_wrong_setting_stops_the_start_and_is_named(api: Api, name: str, wrong: str) -> None:
    api.environment[name] = wrong
    assert exit_code(api) == os.EX_CONFIG
    assert f"setting {name}: " in api.log.read_text()


def test_a_worker_that_hangs_is_killed_and_replaced(api: Api) -> None:
    api.environment["API_WORKERS"] = "2"
    api.start()
    wait_until(lambda: count(api, "Application startup complete") == 2, 60, what="two workers")
    os.kill(min(workers(api)), SIGSTOP)
    wait_until(lambda: count(api, "is killed") == 1, 40, what="noticing it")
    wait_until(lambda: count(api, "Application startup complete") == 3, 60, what="a third worker")
