"""The servers that the bench compares: how each is started, with one worker, and the requests that it gets."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.published_sample import PublishedSample
from tests.serving.servers import Server, free_port

BENCH_ENVIRONMENT = "dev"
"""The Python environment that holds the peers: Feast's server, MLflow's, FastAPI, scikit-learn, pandas."""
MARQUEE = "marquee"


@dataclass(frozen=True)
class ComparedServer:
    """One server and the requests that it is sent."""

    name: str
    process: Server
    method: str
    path: str
    """The path of a POST; a GET's path is its line in `requests`."""
    requests: Path
    """A file with a request a line: the path of a GET, the body of a POST."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.process.port}{self.path}"


def describe_servers(published: PublishedSample, folder: Path) -> list[ComparedServer]:
    """Return all servers; none is started."""
    paths = write_lines(folder / "paths", (f"/predict?movie_id={movie}" for movie in published.rows))
    tools = Path(published.python[BENCH_ENVIRONMENT]).parent
    return [
        fastapi("fastapi_hello", "hello", tools, paths),
        marquee(published, paths),  # between the two nearest in speed, so that all three meet the same other load
        fastapi("fastapi_hello_without_log", "hello", tools, paths, "--no-access-log"),
        fastapi("tutorial", "tutorial", tools, paths, environment=published.peers),
        feast_serve(published, tools, folder),
        mlflow_serve(published, tools, folder),
    ]


def fastapi(
    name: str, app: str, tools: Path, paths: Path, *options: str, environment: Mapping[str, str] | None = None
) -> ComparedServer:
    """Return a FastAPI app started as its tutorial does; it writes an access log, as Marquee does."""
    port = free_port()
    argv = [str(tools / "python"), "-m", "uvicorn", f"tests.bench.peers.{app}:app", "--port", str(port), *options]
    return ComparedServer(name, Server(argv, paths.parent / name, port, environment), "GET", "", paths)


def feast_serve(published: PublishedSample, tools: Path, folder: Path) -> ComparedServer:
    """Return Feast's server, which gives the features only: half of an answer."""
    port = free_port()
    argv = [str(tools / "feast"), "--chdir", "feature_repo", "serve", "--port", str(port), "--no-access-log"]
    argv += ["--max-requests", "0"]  # by default its worker is replaced each 1,000 requests
    bodies = ({"feature_service": "pre_release", "entities": {"movie_id": [movie]}} for movie in published.rows)
    requests = write_lines(folder / "feast_bodies", map(json.dumps, bodies))
    server = Server(argv, folder / "feast_serve", port, published.peers)
    return ComparedServer("feast_serve", server, "POST", "/get-online-features", requests)


def mlflow_serve(published: PublishedSample, tools: Path, folder: Path) -> ComparedServer:
    """Return MLflow's server, which predicts from features in the request: the other half of an answer."""
    port = free_port()
    model = published.peers["MODEL_URI"]
    argv = [str(tools / "mlflow"), "models", "serve", "-m", model, "-p", str(port), "--env-manager", "local", "--workers", "1"]
    environment = published.peers | {"PATH": f"{tools}:{published.peers['PATH']}"}  # it runs uvicorn by its name
    bodies: Iterable[dict[str, Any]] = (
        {"dataframe_split": {"columns": list(row), "data": [list(row.values())]}} for row in published.rows.values()
    )
    requests = write_lines(folder / "mlflow_bodies", map(json.dumps, bodies))
    return ComparedServer("mlflow", Server(argv, folder / "mlflow", port, environment), "POST", "/invocations", requests)


def marquee(published: PublishedSample, paths: Path) -> ComparedServer:
    """Return the service as its image runs it, with every check, metric and log line."""
    port = free_port()
    environment = published.serving | {"API_PORT": str(port), "DEPLOYMENT_CACHE_DIR": str(paths.parent / "deployments")}
    server = Server([published.python["serving"], "-m", "serving"], paths.parent / MARQUEE, port, environment)
    return ComparedServer(MARQUEE, server, "GET", "", paths)


def write_lines(path: Path, lines: Iterable[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path
