"""The servers that are compared: how each is started, with one worker, and what it is asked."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.published_world import World
from tests.serving.servers import Server, free_port

BENCH_ENVIRONMENT = "dev"
"""The Python environment that holds the peers: Feast's server, MLflow's, FastAPI, scikit-learn, pandas."""
MARQUEE = "marquee"


@dataclass(frozen=True)
class Contestant:
    """One server and the requests that it is sent."""

    name: str
    server: Server
    method: str
    path: str
    """Where a POST goes; a GET's path is its line in `requests`."""
    requests: Path
    """A file with a request a line: the path of a GET, the body of a POST."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}{self.path}"


def line_up(world: World, folder: Path) -> list[Contestant]:
    """Describe all of them; none is started."""
    paths = write_lines(folder / "paths", (f"/predict?movie_id={movie}" for movie in world.rows))
    tools = Path(world.python[BENCH_ENVIRONMENT]).parent
    return [
        fastapi("fastapi_hello", "hello", tools, paths),
        marquee(world, paths),  # between those it is close to, so that all three meet the same other load
        fastapi("fastapi_hello_without_log", "hello", tools, paths, "--no-access-log"),
        fastapi("tutorial", "tutorial", tools, paths, environment=world.peers),
        feast_serve(world, tools, folder),
        mlflow_serve(world, tools, folder),
    ]


def fastapi(
    name: str, app: str, tools: Path, paths: Path, *options: str, environment: Mapping[str, str] | None = None
) -> Contestant:
    """As FastAPI's tutorial starts it; so it writes an access log, as Marquee does."""
    port = free_port()
    argv = [str(tools / "python"), "-m", "uvicorn", f"tests.bench.peers.{app}:app", "--port", str(port), *options]
    return Contestant(name, Server(argv, paths.parent / name, port, environment), "GET", "", paths)


def feast_serve(world: World, tools: Path, folder: Path) -> Contestant:
    """Features only: half of an answer."""
    port = free_port()
    argv = [str(tools / "feast"), "--chdir", "feature_repo", "serve", "--port", str(port), "--no-access-log"]
    argv += ["--max-requests", "0"]  # by default its worker is replaced each 1,000 requests
    bodies = ({"feature_service": "pre_release", "entities": {"movie_id": [movie]}} for movie in world.rows)
    requests = write_lines(folder / "feast_bodies", map(json.dumps, bodies))
    server = Server(argv, folder / "feast_serve", port, world.peers)
    return Contestant("feast_serve", server, "POST", "/get-online-features", requests)


def mlflow_serve(world: World, tools: Path, folder: Path) -> Contestant:
    """The prediction only, its features sent along: the other half."""
    port = free_port()
    model = world.peers["MODEL_URI"]
    argv = [str(tools / "mlflow"), "models", "serve", "-m", model, "-p", str(port), "--env-manager", "local", "--workers", "1"]
    environment = world.peers | {"PATH": f"{tools}:{world.peers['PATH']}"}  # it runs uvicorn by its name
    bodies: Iterable[dict[str, Any]] = (
        {"dataframe_split": {"columns": list(row), "data": [list(row.values())]}} for row in world.rows.values()
    )
    requests = write_lines(folder / "mlflow_bodies", map(json.dumps, bodies))
    return Contestant("mlflow", Server(argv, folder / "mlflow", port, environment), "POST", "/invocations", requests)


def marquee(world: World, paths: Path) -> Contestant:
    """The service as its image runs it: every check, metric and log line."""
    port = free_port()
    environment = world.serving | {"API_PORT": str(port), "MODEL_CACHE_DIR": str(paths.parent / "models")}
    server = Server([world.python["serving"], "-m", "serving"], paths.parent / MARQUEE, port, environment)
    return Contestant(MARQUEE, server, "GET", "", paths)


def write_lines(path: Path, lines: Iterable[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path
