"""A fake Docker engine: it answers the calls of docker's own client and records them."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import requests
from airflow.sdk import Context
from requests.adapters import BaseAdapter

from dags.runners.engine import Engine

RUN = "manual__2026-11-22T03:00:00+00:00"
ID = "0123456789abcdef"
IMAGE_ID = "sha256:" + "1f" * 32


def context(number: int = 1, map_index: int = -1, task: str = "ingest_imdb") -> Context:
    """Return the context of a task's attempt, as far as a runner reads it."""
    ti = SimpleNamespace(dag_id="refresh_movies", run_id=RUN, task_id=task, map_index=map_index, try_number=number)
    return cast(Context, {"ti": ti, "run_id": RUN, "dag": SimpleNamespace()})


class FakeEngine(BaseAdapter):
    """An engine with one image, the containers of `listed`, and a prepared end for the container that is created."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        """Method and path without version and query, in order."""
        self.created: dict[str, Any] = {}
        """Body of the create request."""
        self.images = ["marquee/tasks:1"]
        self.listed: list[dict[str, Any]] = []
        self.ended: dict[str, Any] | None = {"ExitCode": 0, "OOMKilled": False}
        """State at the end; None once the container is gone."""
        self.removal = 204
        """Status of the answer to a removal."""
        self.stopped_within = 0
        """Seconds between SIGTERM and SIGKILL in the last stop request."""
        self.while_it_runs: Callable[[], None] = lambda: None
        self.outputs: list[Iterable[tuple[bytes, None] | tuple[None, bytes]]] = [[(b"INFO tasks: begun\n", None)]]
        """Frames of the container's output: of the attached stream, then of each time that the log is read."""
        self.away = False
        """If true, connections are refused."""
        self.logs_since: list[int] = []
        """Unix times from which the log was read."""

    def client(self) -> Engine:
        engine = Engine(base_url="tcp://docker-filter:2375", version="1.41")
        engine.mount("http://", self)
        # Both streams come over the connection itself, which this adapter does not have.
        engine.__dict__["_read_from_socket"] = lambda *_args, **_options: self.read_output()
        engine.__dict__["_get_result"] = lambda *_args: (out or err for out, err in self.read_output())
        return engine

    def read_output(self) -> Iterator[tuple[bytes | None, bytes | None]]:
        yield from self.outputs.pop(0)
        self.while_it_runs()

    def send(self, request: requests.PreparedRequest, *_args: Any, **_options: Any) -> requests.Response:
        url = urlsplit(str(request.url))
        call = f"{request.method} {url.path.removeprefix('/v1.41')}"
        self.calls.append(call)
        if self.away:
            raise requests.ConnectionError("refused")
        body = json.loads(request.body) if request.body else None
        status, answer = self.answer(call, parse_qs(url.query), body)
        response = requests.Response()
        response.status_code, response.url, response.request = status, str(request.url), request
        response._content = json.dumps(answer).encode()
        return response

    def close(self) -> None:
        pass

    def answer(self, call: str, query: Mapping[str, list[str]], body: Any) -> tuple[int, Any]:  # noqa: PLR0911  # one a call
        filters = json.loads(query.get("filters", ["{}"])[0])
        match call.split():
            case ["GET", "/images/json"]:
                return 200, [{"Id": IMAGE_ID} for image in self.images if image in filters["reference"]]
            case ["GET", "/containers/json"]:
                return 200, [found for found in self.listed if has_labels(found["Labels"], filters["label"])]
            case ["POST", "/containers/create"]:
                self.created = body
                return 201, {"Id": ID}
            case ["DELETE", _]:
                return self.removal, {"message": "the answer that the test set"}
            case [_, path] if path.startswith(f"/containers/{ID}") and self.ended is None:
                return 404, {"message": f"No such container: {ID}"}
            case ["GET", path] if path == f"/containers/{ID}/json":
                return 200, {"Config": {"Tty": False}, "State": {"Running": len(self.outputs) > 1} | (self.ended or {})}
            case ["POST", path] if path.endswith("/attach"):
                return 200, None
            case ["GET", path] if path.endswith("/logs"):
                self.logs_since.append(int(query["since"][0]))
                return 200, None
            case ["POST", path] if path.endswith("/stop"):
                self.stopped_within = int(query["t"][0])
                return 204, None
            case ["POST", path] if path.endswith("/start"):
                return 204, None
        raise AssertionError(f"the filter does not allow {call}")


def has_labels(labels: dict[str, str], wanted: list[str]) -> bool:
    """Return whether a container has all these labels, each given as a name or as name=value, as Docker filters them."""
    return all(
        (name in labels) if not equal else labels.get(name) == value for name, equal, value in (w.partition("=") for w in wanted)
    )


def container(short: str, **labels: str) -> dict[str, Any]:
    """Return a container as the engine lists it."""
    usual = {"platform": "marquee", "task": "ingest_imdb", "dag": "refresh_movies", "run": RUN, "try": "1"}
    return {"Id": short.ljust(12, "0"), "Labels": {f"marquee.{name}": value for name, value in {**usual, **labels}.items()}}
