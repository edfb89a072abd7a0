"""Small prediction databases as predict_all makes them."""

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SCHEMA = """
pragma page_size = 4096;
pragma journal_mode = off;
create table about (key text primary key, value text not null);
create table film (
    id integer primary key, movie_id text not null unique, tmdb_id integer unique, title text, year integer,
    rating real not null, model_output real not null, features_as_of integer not null
);
create virtual table title_search using fts5(
    title, content='film', content_rowid='id', tokenize='unicode61 remove_diacritics 2', prefix='2 3'
);
"""
AS_OF = 1795305600  # 2026-11-22
ABOUT = {
    "prediction_set": "9f86d081884c",
    "model_name": "movie-rating",
    "model_version": "3",
    "model_sha256": "a" * 64,
    "feature_set": "marquee_20261122_aaaaaaaaaaaa",
    "content_hash": "b" * 64,
    "snapshot_id": "8541223904412345678",
}


@dataclass(frozen=True)
class Film:
    movie_id: str
    title: str | None = None
    year: int | None = None
    tmdb_id: int | None = None
    model_output: float = 7.123449


def build(path: Path, films: Sequence[Film], about: Mapping[str, str] | None = None) -> str:
    """Write a prediction database and return its sha256."""
    with sqlite3.connect(path) as conn:
        conn.executescript(SCHEMA)
        conn.executemany("insert into about values (?, ?)", sorted((ABOUT | dict(about or {})).items()))
        rows = [
            (number, film.movie_id, film.tmdb_id, film.title, film.year, round(film.model_output, 4), film.model_output, AS_OF)
            for number, film in enumerate(sorted(films, key=lambda film: film.movie_id), 1)
        ]
        conn.executemany("insert into film values (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        conn.execute("insert into title_search (title_search) values ('rebuild')")
    conn.execute("vacuum")
    conn.close()
    return hashlib.sha256(path.read_bytes()).hexdigest()
