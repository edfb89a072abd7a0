"""The features of a movie that are known before its release: length, date, genres, budget, languages, words."""

import polars as pl

GENRES = (
    "Action", "Adventure", "Animation", "Biography", "Comedy", "Crime", "Documentary", "Drama", "Family", "Fantasy", "History",
    "Horror", "Music", "Musical", "Mystery", "Romance", "Sci-Fi", "Sport", "Thriller", "War", "Western",
)  # fmt: skip
"""IMDb's genres of movies, as title.basics writes them. Rarer ones (News, Reality-TV, …) count in genre_count only."""


def genre_feature(genre: str) -> str:
    """Return the name of the feature, such as `genre_sci_fi` for `Sci-Fi`."""
    return f"genre_{genre.lower().replace('-', '_')}"


def compute_movie_features(movies: pl.DataFrame, tmdb: pl.DataFrame) -> pl.DataFrame:
    """Return one row per movie, in the order of `movies`; an unknown value is null, never 0.

    movies: movie_id, primary_title, original_title, start_year, runtime_minutes, genres (list).
    tmdb: movie_id, release_date, runtime_minutes, budget (US dollars), original_language, spoken_languages (list),
    countries (list), overview_words, tagline_words. Both with null for unknown: see tasks/core/features/unknown.py.
    """
    both = movies.join(tmdb, on="movie_id", how="left", suffix="_tmdb", maintain_order="left")
    released = pl.col("release_date")
    genres = pl.col("genres")
    genres_known = genres.list.len() > 0
    return both.select(
        "movie_id",
        pl.coalesce("runtime_minutes", "runtime_minutes_tmdb").alias("runtime_minutes"),
        pl.coalesce(released.dt.year(), pl.col("start_year").cast(pl.Int32)).alias("release_year"),
        released.dt.month().alias("release_month"),
        released.dt.weekday().alias("release_weekday"),
        *[pl.when(genres_known).then(genres.list.contains(genre)).alias(genre_feature(genre)) for genre in GENRES],
        pl.when(genres_known).then(genres.list.len()).alias("genre_count"),
        (pl.col("budget") / 1e6).alias("budget_millions"),
        (pl.col("original_language") == "en").alias("language_is_english"),
        _length_if_any(pl.col("spoken_languages")).alias("spoken_language_count"),
        _length_if_any(pl.col("countries")).alias("country_count"),
        (pl.col("primary_title") != pl.col("original_title")).alias("title_is_translated"),
        pl.col("primary_title").str.len_chars().alias("title_chars"),
        pl.col("primary_title").str.count_matches(r"\S+").alias("title_words"),
        pl.col("original_title").str.count_matches(r"[^\x00-\x7f]").alias("title_foreign_chars"),
        pl.col("primary_title").str.contains(r"[0-9]").alias("title_has_digit"),
        "overview_words",
        "tagline_words",
    )


def _length_if_any(values: pl.Expr) -> pl.Expr:
    return pl.when(values.list.len() > 0).then(values.list.len())
