"""Turns the values by which each source says "unknown" into null, before the sources are merged.

After a merge IMDb's 0 would hide a length that TMDB knows. The parsers have turned text for "unknown" ("", `\\N`, the language
`xx`) into null already; this file does it for numbers that a source accepts but that no movie has.
"""

import polars as pl

SHORTEST_MINUTES = 1
"""IMDb and TMDB write 0 minutes for a length that they do not know."""
SMALLEST_BUDGET_DOLLARS = 1_000
"""TMDB's users write 1, 8 or 100 for a budget that they do not know, or mean millions; no movie is made for so little."""


def null_unknown_lengths(movies: pl.DataFrame) -> pl.DataFrame:
    """Return IMDb's or TMDB's movies with null for a length of 0 minutes. movies: runtime_minutes and any other columns."""
    return movies.with_columns(_at_least("runtime_minutes", SHORTEST_MINUTES))


def null_unknown_budgets(tmdb: pl.DataFrame) -> pl.DataFrame:
    """Return TMDB's movies with null for a budget below the floor. tmdb: budget (US dollars) and any other columns."""
    return tmdb.with_columns(_at_least("budget", SMALLEST_BUDGET_DOLLARS))


def _at_least(column: str, floor: int) -> pl.Expr:
    return pl.when(pl.col(column) >= floor).then(pl.col(column)).alias(column)
