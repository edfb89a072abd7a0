"""The compact form in which tables are kept in memory: ids as numbers, and texts as the numbers that features need of them."""

import polars as pl

ACTORS = ("actor", "actress")
DIGITS_FACTOR = 10**10
"""An id has at most 10 digits, and tt0000001 is another id than tt00000001: the count of digits is part of its number."""


def number_id(column: str) -> pl.Expr:
    """Return an IMDb id (2 letters, 7 to 10 digits) as an Int64 of 8 bytes; different ids give different numbers."""
    digits = pl.col(column).str.slice(2)
    return (digits.cast(pl.Int64) + digits.str.len_bytes().cast(pl.Int64) * DIGITS_FACTOR).alias(column)


def compact_credits(credit: pl.DataFrame) -> pl.DataFrame:
    """Return movie_id and person_id, as numbers, of the actors. credit: movie_id, person_id, category."""
    actors = credit.lazy().filter(pl.col("category").is_in(ACTORS))
    return actors.select(number_id("movie_id"), number_id("person_id")).collect()


def compact_texts(tmdb: pl.DataFrame) -> pl.DataFrame:
    """Return TMDB's movies with the columns overview_words and tagline_words (null where unknown) in place of the two texts."""
    words = [pl.col(name).str.count_matches(r"\S+").alias(f"{name}_words") for name in ("overview", "tagline")]
    return tmdb.with_columns(words).drop("overview", "tagline")
