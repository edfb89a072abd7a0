"""The local source server: serves one folder over HTTP and behaves like IMDb's file host and TMDB's API.

    python -m infra.sources.server --folder FOLDER --port 8090

SOURCES=sample and SOURCES=<folder> use this server, so that the tasks read them with the same code as the real sources. It
listens on loopback by default.
"""

import argparse
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from infra.json_log import start_log
from infra.sources.faults import Fault, FaultyApp
from infra.sources.imdb_files import ImdbFiles, require_folder
from infra.sources.tmdb_api import TmdbApi
from infra.sources.tmdb_movies import read_tmdb_movies

log = logging.getLogger("sources")


def create_app(
    folder: Path,
    token: str | None = None,
    requests_per_second: float | None = None,
    faults: Mapping[str, Sequence[Fault]] | None = None,
) -> ASGIApp:
    """Return the app that serves one folder. `faults` (path -> faulty answers, in order) is for tests alone."""
    imdb = ImdbFiles(require_folder(folder) / "imdb")
    tmdb = TmdbApi(read_tmdb_movies(folder), token, requests_per_second)
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
    parser.add_argument("--folder", type=Path, required=True, help="folder with imdb/*.tsv.gz and tmdb/movies.jsonl.gz")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--requests-per-second", type=float, help="answer 429 above this rate (default: no limit)")
    arguments = parser.parse_args()
    start_log("sources")
    app = create_app(arguments.folder, requests_per_second=arguments.requests_per_second)
    log.info("serving %s on %s:%d", arguments.folder, arguments.host, arguments.port)
    # With log_config=None, uvicorn logs through the root logger.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    uvicorn.run(app, host=arguments.host, port=arguments.port, log_config=None, access_log=False, timeout_graceful_shutdown=2)


if __name__ == "__main__":
    main()
