"""Reads the movies database as frames, for the feature build and the labels."""

from collections.abc import Callable, Iterator, Mapping

import polars as pl
import psycopg

from tasks.core.features.compact import compact_credits, compact_texts
from tasks.core.features.compute import Tables

SEPARATOR = "\x1f"
"""Separates the items of a text[] on the wire: a control character that the parsers reject."""

LIST = pl.List(pl.String)

Schema = Mapping[str, pl.DataType | type[pl.DataType]]

Compact = Callable[[pl.DataFrame], pl.DataFrame]

BLOCK_BYTES = 8 << 20

MOVIE: Schema = {
    "movie_id": pl.String,
    "primary_title": pl.String,
    "original_title": pl.String,
    "start_year": pl.Int32,
    "runtime_minutes": pl.Int32,
    "genres": LIST,
}
RATING: Schema = {"movie_id": pl.String, "average_rating": pl.Float64, "num_votes": pl.Int64}
CREW: Schema = {"movie_id": pl.String, "directors": LIST, "writers": LIST}
CREDIT: Schema = {"movie_id": pl.String, "person_id": pl.String, "category": pl.String}
TMDB_MOVIE: Schema = {
    "movie_id": pl.String,
    "tmdb_id": pl.Int64,
    "original_language": pl.String,
    "release_date": pl.Date,
    "runtime_minutes": pl.Int32,
    "budget": pl.Int64,
    "overview": pl.String,
    "tagline": pl.String,
    "companies": LIST,
    "countries": LIST,
    "spoken_languages": LIST,
}


def _keep(rows: pl.DataFrame) -> pl.DataFrame:
    return rows


def read_tables(conn: psycopg.Connection) -> Tables:
    """Return the tables that features are computed from, in one repeatable read, without ratings of other titles."""
    return Tables(
        movie=read_frame(conn, "movie", MOVIE),
        rating=read_frame(conn, "rating join movie using (movie_id)", RATING),
        crew=read_frame(conn, "crew", CREW),
        credit=read_frame(conn, "credit", CREDIT, compact=compact_credits),
        tmdb_movie=read_frame(
            conn, "tmdb_movie join movie using (movie_id)", TMDB_MOVIE, prefix="tmdb_movie", compact=compact_texts
        ),
        asked=read_frame(conn, "tmdb_request join movie using (movie_id)", {"movie_id": pl.String}),
    )


def read_frame(
    conn: psycopg.Connection, source: str, schema: Schema, prefix: str | None = None, compact: Compact = _keep
) -> pl.DataFrame:
    """Return the columns of `schema` from a table or a join, through COPY.

    prefix: the table of a join that has them. compact: applied to each block of rows as it arrives, so that what it leaves out is
    never in memory as a whole.
    """
    columns = ", ".join(_column(name, dtype, prefix) for name, dtype in schema.items())
    query = f"copy (select {columns} from {source}) to stdout (format csv, null '\\N')"  # noqa: S608  # names of this file only
    with conn.cursor().copy(query.encode()) as copy:
        frames = [compact(_parse_block(block, schema)) for block in _join_rows(copy)]
    return pl.concat(frames)


def _join_rows(copy: psycopg.Copy) -> Iterator[bytes]:
    """Yield the rows in blocks of about BLOCK_BYTES; an empty block if there is no row. COPY sends whole rows."""
    block = bytearray()
    for row in copy:
        block += row
        if len(block) >= BLOCK_BYTES:
            yield bytes(block)
            block.clear()
    yield bytes(block)


def _parse_block(block: bytes, schema: Schema) -> pl.DataFrame:
    """Parse rows of CSV without a header."""
    if not block:
        return pl.DataFrame(schema=dict(schema))
    wire: Schema = {name: pl.String if dtype == LIST else dtype for name, dtype in schema.items()}
    frame = pl.read_csv(block, has_header=False, schema=wire, null_values="\\N", empty_string_is_null=False)
    lists = [name for name, dtype in schema.items() if dtype == LIST]
    return frame.with_columns(pl.when(pl.col(name) != "").then(pl.col(name).str.split(SEPARATOR)).otherwise([]) for name in lists)


def _column(name: str, dtype: pl.DataType | type[pl.DataType], prefix: str | None) -> str:
    column = f"{prefix}.{name}" if prefix and name != "movie_id" else name
    return f"array_to_string({column}, E'\\x1f') as {name}" if dtype == LIST else f"{column} as {name}"


def read_votes(conn: psycopg.Connection) -> pl.DataFrame:
    """Return movie_id and num_votes of every movie with a rating."""
    return read_frame(conn, "rating join movie using (movie_id)", {"movie_id": pl.String, "num_votes": pl.Int64})


def read_labels(conn: psycopg.Connection, min_votes: int) -> pl.DataFrame:
    """Return movie_id and average_rating of every movie with at least `min_votes` votes, by movie_id."""
    source = f"rating join movie using (movie_id) where num_votes >= {min_votes:d}"
    return read_frame(conn, source, {"movie_id": pl.String, "average_rating": pl.Float64}).sort("movie_id")
