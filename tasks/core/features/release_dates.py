"""The release date of a movie: the day that TMDB knows, or else the whole year that IMDb gives."""

import polars as pl


def compute_release(movies: pl.DataFrame, tmdb: pl.DataFrame) -> pl.DataFrame:
    """Return the days between which each movie was released.

    movies: movie_id, start_year (int or null). tmdb: movie_id, release_date (date or null).
    Returns movie_id, released_from, released_until (dates, inclusive; equal where the day is known, both null
    where nothing is). Two movies are in strict order only if one's `released_until` is before the other's `released_from`.
    """
    year = pl.col("start_year").cast(pl.Int32)
    return (
        movies.select("movie_id", "start_year")
        .join(tmdb.select("movie_id", "release_date"), on="movie_id", how="left", maintain_order="left")
        .select(
            "movie_id",
            pl.coalesce("release_date", pl.date(year, 1, 1)).alias("released_from"),
            pl.coalesce("release_date", pl.date(year, 12, 31)).alias("released_until"),
        )
    )
