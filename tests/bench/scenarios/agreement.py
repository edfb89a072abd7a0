"""One film, one rating, through whichever door: GET, POST, gRPC, gRPC's batch, and the table that predict_all writes.

    python -m tests.bench.scenarios.agreement [--films 1000] [--seed 7]

Random films. The doors must give the same body but for ids and the age; the table the same rating and time within 1e-6. Fails
naming the films that differ. The counts are also in .marquee/bench/agreement.json.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg

from tests.bench.entry_points import Answers, call_all, call_each, get_each, post_all
from tests.bench.published_world import publish_world
from tests.bench.results import conclude, keep, show
from tests.bench.service import Service

DOORS = {"POST": post_all, "gRPC": call_each, "gRPC batch": call_all}
OWN = ("prediction_id", "request_id", "feature_age_seconds")
"""Of one answer, whatever was asked."""
TOLERANCE = 1e-6
MOST_NAMED = 5


def compare_doors(service: Service, movies: Sequence[str]) -> dict[str, list[str]]:
    """The films whose answer differs from that of GET, by door."""
    expected = strip(get_each(service, movies))
    found = {name: strip(ask(service, movies)) for name, ask in DOORS.items()}
    return {name: [movie for movie in movies if answers.get(movie) != expected[movie]] for name, answers in found.items()}


def strip(answers: Answers) -> Answers:
    return {movie: {name: value for name, value in body.items() if name not in OWN} for movie, body in answers.items()}


def compare_table(answers: Answers, url: str) -> list[str]:
    """The films whose answer differs from predict_all's table, in the movies' database."""
    with psycopg.connect(url) as conn:
        rows = conn.execute("select movie_id, rating, model_version from prediction").fetchall()
    table = {movie: (rating, version) for movie, rating, version in rows}
    return [movie for movie, body in answers.items() if not agrees(body, table.get(movie))]


def agrees(body: Mapping[str, Any], row: tuple[float, str] | None) -> bool:
    return row is not None and abs(row[0] - body["rating"]) <= TOLERANCE and row[1] == body["model"]["version"]


def compare(service: Service, movies: Sequence[str], url: str) -> dict[str, list[str]]:
    """The films that differ from GET, by door and in the table."""
    return compare_doors(service, movies) | {"predict_all": compare_table(get_each(service, movies), url)}


def find_broken(differing: Mapping[str, Sequence[str]]) -> list[str]:
    return [
        f"{name} differs from GET /predict in {len(movies)} films: {', '.join(movies[:MOST_NAMED])}"
        for name, movies in differing.items()
        if movies
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=1000, help="at most 1,000, which is what a batch may hold")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as folder, publish_world(Path(folder) / "home") as world:
        movies = random.Random(given.seed).sample(sorted(world.rows), given.films)
        service = Service(world.python["serving"], Path(folder) / "api", world.serving)
        try:
            service.start()
            service.wait_until_ready()
            differing = compare(service, movies, world.tasks["MOVIES_DATABASE_URL"])
        finally:
            service.stop()
    figures = {"films": len(movies)} | {f"{name} differs": len(found) for name, found in differing.items()}
    keep("agreement", figures)
    show(figures)
    return conclude(find_broken(differing))


if __name__ == "__main__":
    sys.exit(main())
