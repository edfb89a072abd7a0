"""The movies that TMDB knows, from tmdb/movies.jsonl.gz: the unchanged bytes of each answer, by TMDB id and by IMDb id."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

SECTIONS = frozenset({"credits", "keywords", "external_ids", "release_dates"})
"""Sections of a body that TMDB sends only if `append_to_response` names them."""


@dataclass(frozen=True)
class TmdbMovies:
    """All answers of a source folder."""

    by_tmdb_id: dict[int, bytes]
    by_imdb_id: dict[str, bytes]
    changes: tuple[tuple[date, int], ...]
    """(day, TMDB id), in order of day."""

    @property
    def today(self) -> date:
        return datetime.now(UTC).date()

    def find_by_imdb_id(self, movie_id: str) -> bytes | None:
        return self.by_imdb_id.get(movie_id)

    def find_by_tmdb_id(self, tmdb_id: int) -> bytes | None:
        return self.by_tmdb_id.get(tmdb_id)

    def list_changes(self, start: date, end: date) -> Iterator[int]:
        return (tmdb_id for day, tmdb_id in self.changes if start <= day <= end)


def read_tmdb_movies(folder: Path) -> TmdbMovies:
    """Return the answers in a source folder's `tmdb/`. Without that folder, TMDB knows no movie."""
    by_tmdb_id: dict[int, bytes] = {}
    by_imdb_id: dict[str, bytes] = {}
    for line in _read_lines(folder / "tmdb" / "movies.jsonl.gz"):
        body = json.loads(line)
        if isinstance(body.get("id"), int):
            by_tmdb_id[body["id"]] = line
        if isinstance(body.get("imdb_id"), str):
            by_imdb_id[body["imdb_id"]] = line
    changes = (json.loads(line) for line in _read_lines(folder / "tmdb" / "changes.jsonl"))
    return TmdbMovies(by_tmdb_id, by_imdb_id, tuple(sorted((date.fromisoformat(row["date"]), int(row["id"])) for row in changes)))


def _read_lines(path: Path) -> Iterator[bytes]:
    if not path.exists():
        return
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        for line in file:
            if line.strip():
                yield line.rstrip(b"\r\n")


def keep_sections(body: bytes, wanted: frozenset[str]) -> bytes:
    """Return the answer with only the wanted sections. If all are wanted, the bytes are unchanged."""
    if wanted >= SECTIONS:
        return body
    movie: dict[str, Any] = json.loads(body)
    if not (unwanted := (SECTIONS - wanted) & movie.keys()):
        return body
    kept = {key: value for key, value in movie.items() if key not in unwanted}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode()


def summarize(body: bytes) -> dict[str, Any]:
    """Return the short form of a movie that /3/find contains."""
    movie: dict[str, Any] = json.loads(body)
    keys = ("adult", "backdrop_path", "id", "title", "original_title", "overview", "poster_path")
    more = ("original_language", "popularity", "release_date", "softcore", "video", "vote_average", "vote_count")
    short = {key: movie.get(key) for key in keys} | {"media_type": "movie"} | {key: movie.get(key) for key in more}
    return short | {"genre_ids": [genre["id"] for genre in movie.get("genres") or []]}
