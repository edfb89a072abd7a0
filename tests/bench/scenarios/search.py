"""The search by title over real titles: recall, time and size, beside the file of the release before: `make bench-search`.

    python -m tests.bench.scenarios.search [--folder ../shared/data/sources/imdb] [--queries 500]

Asks for random titles as they are, by their first letters, by a word, by a part of a word and by two letters. The figures are
also in .marquee/bench/search.json.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import quantiles

import polars as pl

from infra.platform.layout import REPOSITORY
from serving.prediction_set.database import PredictionDatabase
from tests.bench.results import conclude, keep, show
from tests.serving.prediction_set.factories import Movie, build
from tests.serving.prediction_set.test_searches import build_as_before

FOLDER = REPOSITORY.parent / "shared" / "data" / "sources" / "imdb"
LIMIT = 10


def read_movies(folder: Path) -> list[Movie]:
    """Return the movies of IMDb's files with their votes."""

    def read(name: str) -> pl.DataFrame:
        return pl.read_csv(folder / name, separator="\t", quote_char=None, null_values="\\N", infer_schema=False)

    titles = (
        read("title.basics.tsv.gz")
        .filter(pl.col("titleType") == "movie")
        .join(read("title.ratings.tsv.gz"), on="tconst", how="left")
    )
    rows = titles.select(
        "tconst",
        "primaryTitle",
        pl.col("startYear").cast(pl.Int64, strict=False),
        pl.col("numVotes").cast(pl.Int64, strict=False),
    )
    return [Movie(movie_id, title, year, votes=votes) for movie_id, title, year, votes in rows.iter_rows()]


def take_part(title: str, chance: random.Random) -> str:
    """Return at least four characters from the middle of the title's longest word."""
    word = max(title.split(), key=len)
    start = chance.randrange(1, max(2, len(word) - 3))
    return word[start : start + 5]


KINDS: dict[str, Callable[[str, random.Random], str]] = {
    "title": lambda title, _: title,
    "first_letters": lambda title, _: title[:5],
    "word": lambda title, _: max(title.split(), key=len),
    "part": take_part,
    "two_letters": lambda title, _: title[:2],
}


def measure(database: PredictionDatabase, movies: list[Movie], queries: int) -> dict[str, object]:
    """Return p50 and p99 in ms by kind of query, and the share of whole titles that were among the first LIMIT results."""
    chance = random.Random(0)  # not a secret
    asked = [movie for movie in chance.sample(movies, queries) if movie.title and movie.title.strip()]
    figures: dict[str, object] = {}
    for kind, make in KINDS.items():
        times, found = [], 0
        for movie in asked:
            text = make(str(movie.title), chance)
            began = time.perf_counter()
            results = database.search(text, LIMIT)
            times.append((time.perf_counter() - began) * 1000)
            found += movie.title in [result.title for result in results]
        cuts = quantiles(times, n=100)
        figures[f"{kind}_p50_ms"], figures[f"{kind}_p99_ms"] = round(cuts[49], 3), round(cuts[98], 3)
        if kind == "title":
            figures["title_recall"] = round(found / len(asked), 4)
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--queries", type=int, default=500)
    arguments = parser.parse_args()
    movies = read_movies(arguments.folder)
    figures: dict[str, object] = {"movies": len(movies)}
    recall = {}
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as folder:
        for name, make in (("before", build_as_before), ("now", build)):
            path = Path(folder) / f"{name}.sqlite"
            began = time.perf_counter()
            sha256 = make(path, movies)
            figures[f"{name}_build_seconds"] = round(time.perf_counter() - began, 2)
            figures[f"{name}_megabytes"] = round(path.stat().st_size / 1e6, 1)
            with closing(PredictionDatabase.open(path, sha256)) as database:
                measured = measure(database, movies, arguments.queries)
            recall[name] = float(str(measured["title_recall"]))
            figures |= {f"{name}_{key}": value for key, value in measured.items()}
    keep("search", figures)
    show(figures)
    return conclude([f"fewer titles are found: {recall}"] if recall["now"] < recall["before"] else [])


if __name__ == "__main__":
    sys.exit(main())
