"""The local source server: one folder of files, served over HTTP as IMDb's file host and TMDB's API serve theirs.

    python -m infra.sources.server --folder FOLDER --port 8090

It is what SOURCES=sample and SOURCES=<folder> run against, so that the tasks read them through the same code as the real
services. It listens on loopback unless told otherwise.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from infra.sources.faults import Fault, FaultyApp
from infra.sources.imdb_files import ImdbFiles, require_folder
from infra.sources.tmdb_api import TmdbApi
from infra.sources.tmdb_catalogue import read_catalogue


def create_app(
    folder: Path,
    token: str | None = None,
    requests_per_second: float | None = None,
    faults: Mapping[str, Sequence[Fault]] | None = None,
) -> ASGIApp:
    """Make the server of one folder. `faults` (path -> wrong answers, in order) is for tests; no command line reaches it."""
    imdb = ImdbFiles(require_folder(folder) / "imdb")
    tmdb = TmdbApi(read_catalogue(folder), token, requests_per_second)
    routes = [
        Route("/3/{path:path}", tmdb.answer),
        Route("/healthz", _answer_health),
        Route("/{name}", imdb.answer),
    ]
    app = Starlette(routes=routes)
    return app if faults is None else FaultyApp(app, faults)


async def _answer_health(_: Request) -> Response:
    return PlainTextResponse("ok\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m infra.sources.server", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True, help="holds imdb/*.tsv.gz and tmdb/movies.jsonl.gz")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--requests-per-second", type=float, help="answer 429 above this rate (default: no limit)")
    given = parser.parse_args()
    app = create_app(given.folder, requests_per_second=given.requests_per_second)
    uvicorn.run(app, host=given.host, port=given.port, log_level="warning", access_log=False, timeout_graceful_shutdown=2)


if __name__ == "__main__":
    main()
