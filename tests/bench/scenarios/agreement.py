"""Agreement of GET, POST, gRPC, gRPC's batch and the table that predict_all writes on each movie's rating.

    python -m tests.bench.scenarios.agreement [--movies 1000] [--seed 7]

Random movies. The entry points must give the same body but for ids and the age, the table the same rating within 1e-6. Fails
with the movies that differ. The counts are also in .marquee/bench/agreement.json.
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
from tests.bench.published_sample import publish_sample
from tests.bench.results import conclude, keep, show
from tests.bench.service import Service

ENTRY_POINTS = {"POST": post_all, "gRPC": call_each, "gRPC batch": call_all}
OWN = ("prediction_id", "request_id", "feature_age_seconds")
"""Fields that differ between two answers to the same request."""
TOLERANCE = 1e-6
MAX_NAMED = 5


def compare_entry_points(service: Service, movies: Sequence[str]) -> dict[str, list[str]]:
    """Return the movies whose answer differs from that of GET, by entry point."""
    expected = strip(get_each(service, movies))
    found = {name: strip(ask(service, movies)) for name, ask in ENTRY_POINTS.items()}
    return {name: [movie for movie in movies if answers.get(movie) != expected[movie]] for name, answers in found.items()}


def strip(answers: Answers) -> Answers:
    return {movie: {name: value for name, value in body.items() if name not in OWN} for movie, body in answers.items()}


def compare_table(answers: Answers, url: str) -> list[str]:
    """Return the movies whose answer differs from predict_all's table, in the movies' database."""
    with psycopg.connect(url) as conn:
        rows = conn.execute("select movie_id, rating, model_version from prediction").fetchall()
    table = {movie: (rating, version) for movie, rating, version in rows}
    return [movie for movie, body in answers.items() if not agrees(body, table.get(movie))]


def agrees(body: Mapping[str, Any], row: tuple[float, str] | None) -> bool:
    return row is not None and abs(row[0] - body["rating"]) <= TOLERANCE and row[1] == body["model"]["version"]


def compare(service: Service, movies: Sequence[str], url: str) -> dict[str, list[str]]:
    """Return the movies that differ from GET, by entry point and in the table."""
    return compare_entry_points(service, movies) | {"predict_all": compare_table(get_each(service, movies), url)}


def find_broken(differing: Mapping[str, Sequence[str]]) -> list[str]:
    return [
        f"{name} differs from GET /predict in {len(movies)} movies: {', '.join(movies[:MAX_NAMED])}"
        for name, movies in differing.items()
        if movies
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--movies", type=int, default=1000, help="at most 1,000, which is what a batch may hold")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as folder, publish_sample(Path(folder) / "home") as published:
        movies = random.Random(arguments.seed).sample(sorted(published.rows), arguments.movies)
        service = Service(published.python["serving"], Path(folder) / "api", published.serving)
        try:
            service.start()
            service.wait_until_ready()
            differing = compare(service, movies, published.tasks["MOVIES_DATABASE_URL"])
        finally:
            service.stop()
    figures = {"movies": len(movies)} | {f"{name} differs": len(found) for name, found in differing.items()}
    keep("agreement", figures)
    show(figures)
    return conclude(find_broken(differing))


if __name__ == "__main__":
    sys.exit(main())
