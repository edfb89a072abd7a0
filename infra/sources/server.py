"""The local source server: behaves like IMDb's file host and TMDB's API, for one folder or for the sample's world.

    python -m infra.sources.server --folder FOLDER --port 8090
    python -m infra.sources.server --world FOLDER --movies 20000 --port 8090

SOURCES=sample and SOURCES=<folder> use this server, so that the tasks read them with the same code as the real sources. With
--world, FOLDER holds the world's day; GET /world returns it, and PUT /world {"day": "YYYY-MM-DD"} moves the world on. It listens
on loopback by default.
"""

import argparse
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import uvicorn
from anyio import to_thread
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
from infra.sources.tmdb_source import TmdbSource
from infra.sources.world.control import WorldControl
from infra.sources.world.store import ServedWorld
from infra.sources.world.timeline import SCENARIOS
from infra.sources.world.tmdb import WorldTmdb

log = logging.getLogger("sources")


def create_app(
    folder: Path,
    token: str | None = None,
    requests_per_second: float | None = None,
    faults: Mapping[str, Sequence[Fault]] | None = None,
) -> ASGIApp:
    """Return the app that serves one folder. `faults` (path -> faulty answers, in order) is for tests alone."""
    imdb_folder, movies = require_folder(folder) / "imdb", read_tmdb_movies(folder)

    async def find_source() -> TmdbSource:
        return movies

    app = _make_app(lambda name: imdb_folder / name, TmdbApi(find_source, token, requests_per_second))
    return app if faults is None else FaultyApp(app, faults)


def create_world_app(world: ServedWorld, requests_per_second: float | None = None) -> Starlette:
    """Return the app that serves the sample's world on its day."""

    async def find_source() -> TmdbSource:
        held = world.today_if_made()
        return WorldTmdb(await to_thread.run_sync(world.today) if held is None else held)

    control = WorldControl(world)
    routes = [Route("/world", control.show), Route("/world", control.move, methods=["PUT"])]
    return _make_app(world.find_file, TmdbApi(find_source, None, requests_per_second), routes)


def _make_app(find_file: Callable[[str], Path], tmdb: TmdbApi, more: Sequence[Route] = ()) -> Starlette:
    routes = [Route("/3/{path:path}", tmdb.answer), Route("/healthz", _answer_health), *more]
    return Starlette(routes=[*routes, Route("/{name}", ImdbFiles(find_file).answer)])


async def _answer_health(_: Request) -> Response:
    return PlainTextResponse("ok\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m infra.sources.server", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    served = parser.add_mutually_exclusive_group(required=True)
    served.add_argument("--folder", type=Path, help="folder with imdb/*.tsv.gz and tmdb/movies.jsonl.gz")
    served.add_argument("--world", type=Path, help="folder of the sample's world; it is made if there is none")
    parser.add_argument("--movies", type=int, default=20_000, help="movies of the world on its first day (default: 20000)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the world (default: 1)")
    parser.add_argument("--scenario", choices=SCENARIOS, default="none", help="acts from the day after the world's day")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--requests-per-second", type=float, help="answer 429 above this rate (default: no limit)")
    arguments = parser.parse_args()
    start_log("sources")
    if arguments.folder:
        app = create_app(arguments.folder, requests_per_second=arguments.requests_per_second)
        log.info("serving %s on %s:%d", arguments.folder, arguments.host, arguments.port)
    else:
        world = ServedWorld(arguments.world, arguments.movies, arguments.seed, arguments.scenario)
        app = create_world_app(world, arguments.requests_per_second)
        log.info("serving the world of %s on %s:%d: %s", arguments.world, arguments.host, arguments.port, world.describe())
    # With log_config=None, uvicorn logs through the root logger.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    uvicorn.run(app, host=arguments.host, port=arguments.port, log_config=None, access_log=False, timeout_graceful_shutdown=2)


if __name__ == "__main__":
    main()
