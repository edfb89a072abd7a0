"""A small source folder for tests."""

import gzip
import json
from pathlib import Path
from typing import Any

BASICS = (
    "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\tgenres\n"
    "tt70000001\tmovie\tOne\tOne\t0\t2001\t\\N\t91\tDrama\n"
    "tt70000002\tmovie\tTwo\tTwo\t0\t2002\t\\N\t92\tComedy\n"
    "tt70000003\tmovie\tThree\tThree\t0\t2003\t\\N\t93\t\\N\n"
    "tt70000004\tmovie\tFour\tFour\t1\t2004\t\\N\t94\tAdult\n"
    "tt70000005\ttvSeries\tFive\tFive\t0\t2005\t\\N\t45\tDrama\n"
)
RATINGS = "tconst\taverageRating\tnumVotes\ntt70000002\t7.1\t200\ntt70000003\t6.0\t3000\ntt70000005\t8.0\t10\n"


def make_movie(number: int, **changed: Any) -> dict[str, Any]:
    """Return a TMDB body for tt7000000<number>, TMDB id 100 + number."""
    movie_id = f"tt{70_000_000 + number}"
    return {
        "adult": False,
        "budget": 1_000_000 * number,
        "genres": [{"id": 18, "name": "Drama"}],
        "id": 100 + number,
        "imdb_id": movie_id,
        "original_language": "en",
        "original_title": f"Título {number}",
        "overview": "An überraschung — 한국.",
        "popularity": 1.5,
        "production_companies": [{"id": 1, "name": "Kornvik Film"}],
        "production_countries": [{"iso_3166_1": "SE", "name": "Sweden"}],
        "release_date": f"200{number}-05-01",
        "revenue": 0,
        "runtime": 90 + number,
        "spoken_languages": [],
        "status": "Released",
        "tagline": "",
        "title": f"Film {number}",
        "video": False,
        "vote_average": 6.5,
        "vote_count": 10,
        "credits": {"cast": [{"id": 1, "name": "Tessa Vorn", "order": 0}], "crew": []},
        "keywords": {"keywords": []},
        "external_ids": {"imdb_id": movie_id},
    } | changed


def render(movie: dict[str, Any]) -> bytes:
    return json.dumps(movie, ensure_ascii=False, separators=(",", ":")).encode()


def write_folder(folder: Path, movies: list[dict[str, Any]], changes: list[tuple[str, int]] | None = None) -> Path:
    """Write a folder of movies One to Five, of which TMDB knows `movies`; `changes` are (day, TMDB id)."""
    for part in ("imdb", "tmdb"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "imdb" / "title.basics.tsv.gz").write_bytes(gzip.compress(BASICS.encode(), mtime=0))
    (folder / "imdb" / "title.ratings.tsv.gz").write_bytes(gzip.compress(RATINGS.encode(), mtime=0))
    lines = b"".join(render(movie) + b"\n" for movie in movies)
    (folder / "tmdb" / "movies.jsonl.gz").write_bytes(gzip.compress(lines, mtime=0))
    rows = [json.dumps({"id": tmdb_id, "date": day}) + "\n" for day, tmdb_id in changes or []]
    (folder / "tmdb" / "changes.jsonl").write_text("".join(rows))
    return folder
