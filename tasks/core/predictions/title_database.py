"""Writes the prediction database: the SQLite file for the API's title search and for its answers without features."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing

import polars as pl

APPLICATION_ID = int.from_bytes(b"MRQE", "big")
"""The application id in the file's header, which `file` and SQLite's shell show."""

TABLES = f"""
pragma page_size = 4096;
pragma application_id = {APPLICATION_ID};
create table about (key text primary key, value text not null);
create table film (
    id             integer primary key,
    movie_id       text not null unique,
    tmdb_id        integer unique,
    title          text,
    year           integer,
    rating         real not null,
    model_output   real not null,
    features_as_of integer not null
);
"""
SEARCH = """
create virtual table title_search using fts5(
    title, content = 'film', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
);
insert into title_search (title_search) values ('rebuild');
insert into title_search (title_search) values ('optimize');
"""


def render_title_database(predictions: pl.DataFrame, years: pl.DataFrame, about: Mapping[str, str]) -> bytes:
    """Return the predictions as an SQLite file; `about`, what they were made from, becomes one of its tables.

    predictions: as compute_predictions returns them. years: movie_id, release_year (null where unknown).
    Table film: by movie_id, ids 1 to n; rating as the API rounds it; features_as_of in Unix seconds. Table title_search: the
    titles, found by words and beginnings of words, without diacritics. The same predictions give the same bytes.
    """
    movies = predictions.join(years.select("movie_id", "release_year"), on="movie_id", how="left").sort("movie_id")
    rows = movies.with_row_index("id", offset=1).select(
        "id",
        "movie_id",
        "tmdb_id",
        "title",
        pl.col("release_year").cast(pl.Int64),
        "rating",
        "model_output",
        pl.col("features_as_of").dt.epoch("s"),
    )
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(TABLES)
        with database:
            database.executemany("insert into about values (?, ?)", sorted(about.items()))
            database.executemany("insert into film values (?, ?, ?, ?, ?, ?, ?, ?)", rows.iter_rows())
        database.executescript(SEARCH)
        database.execute("vacuum")
        return database.serialize()
