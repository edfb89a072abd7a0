"""Writes the prediction database: the SQLite file for the API's title search and for its answers without features."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing

import polars as pl

from tasks.core.predictions.title_fold import fold

APPLICATION_ID = int.from_bytes(b"MRQE", "big")
"""The application id in the file's header, which `file` and SQLite's shell show."""

FORMAT_KEY, FORMAT = "format", "2"
"""Row of the table about that names the form of the other tables; the databases of earlier releases have none."""

TABLES = f"""
pragma page_size = 4096;
pragma application_id = {APPLICATION_ID};
create table about (key text primary key, value text not null);
create table movie (
    id             integer primary key,
    movie_id       text not null unique,
    tmdb_id        integer unique,
    title          text,
    year           integer,
    rating         real not null,
    model_output   real not null,
    features_as_of integer not null,
    folded         text
);
"""
INDEXES = """
create index movie_folded on movie (folded) where folded is not null;
create virtual table title_words using fts5(
    folded, content = 'movie', content_rowid = 'id', tokenize = 'ascii', prefix = '1 2 3', columnsize = 0
);
create virtual table title_parts using fts5(
    folded, content = 'movie', content_rowid = 'id', tokenize = 'trigram', detail = none, columnsize = 0
);
insert into title_words (title_words) values ('rebuild');
insert into title_words (title_words) values ('optimize');
insert into title_parts (title_parts) values ('rebuild');
insert into title_parts (title_parts) values ('optimize');
"""


def render_prediction_database(
    predictions: pl.DataFrame, years: pl.DataFrame, votes: pl.DataFrame, about: Mapping[str, str]
) -> bytes:
    """Return the predictions as an SQLite file; `about`, what they were made from, becomes one of its tables.

    predictions: as compute_predictions returns them. years: movie_id, release_year (null where unknown). votes: movie_id,
    num_votes; a movie without a row has none.
    Table movie: ids 1 to n, the most votes first, then by title and movie_id; rating as the API rounds it; features_as_of in
    Unix seconds; folded is the title as the search compares it. title_words indexes the words of folded and their beginnings,
    title_parts each three consecutive characters. The same input gives the same bytes.
    """
    movies = (
        predictions.join(years.select("movie_id", "release_year"), on="movie_id", how="left")
        .join(votes.select("movie_id", "num_votes"), on="movie_id", how="left")
        .with_columns(folded=pl.col("title").map_elements(fold, pl.String, skip_nulls=True))
        .sort(pl.col("num_votes").fill_null(0), pl.col("folded"), pl.col("movie_id"), descending=[True, False, False])
    )
    rows = movies.with_row_index("id", offset=1).select(
        "id",
        "movie_id",
        "tmdb_id",
        "title",
        pl.col("release_year").cast(pl.Int64),
        "rating",
        "model_output",
        pl.col("features_as_of").dt.epoch("s"),
        "folded",
    )
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(TABLES)
        with database:
            database.executemany("insert into about values (?, ?)", sorted({**about, FORMAT_KEY: FORMAT}.items()))
            database.executemany("insert into movie values (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows.iter_rows())
        database.executescript(INDEXES)
        database.execute("vacuum")
        return database.serialize()
