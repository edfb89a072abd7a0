"""Track records: the earlier movies of a movie's people, companies, languages and countries, and their ratings."""

from datetime import date

import polars as pl

MIN_VOTES = 25
"""Ratings of movies with fewer votes are mostly noise: such a movie counts as made, but not in the mean rating."""

SUMS = ("films", "rated", "tenths", "millilogs")
"""Movies made before; those with MIN_VOTES; and of these, tenths of their ratings and thousandths of log10 of their votes."""

LINKS_PER_PART = 500_000
"""About so many links are worked on at a time, which takes some 100 MB."""


def compute_track_record(links: pl.DataFrame, release: pl.DataFrame, ratings: pl.DataFrame, day: date, role: str) -> pl.DataFrame:
    """Return the point-in-time record of the members that are linked to each movie in one role.

    links: movie_id, member (person id, company name …). release: as `compute_release` returns it.
    ratings: movie_id, average_rating (1..10), num_votes. movie_id may be text or number, the same in all three.
    A movie counts for another one only if it was released strictly before it, and strictly before `day`.
    Returns movie_id, {role}_films (movies made before, over all members), {role}_rating (mean rating of those with
    MIN_VOTES; null if none), {role}_votes (mean log10 of their votes; null if none). A movie with no member in the role
    or with no known release is left out.
    """
    parts = links.height // LINKS_PER_PART + 1
    # All links of a member are in one part; sums of whole numbers do not depend on the parts.
    sums = [
        _sum_records(links.filter(pl.col("member").hash() % parts == number), release, ratings, day) for number in range(parts)
    ]
    total = pl.concat(sums).group_by("movie_id").agg(pl.col(SUMS).sum())
    rated = pl.when(pl.col("rated") > 0).then(pl.col("rated"))
    return total.select(
        "movie_id",
        pl.col("films").cast(pl.Float64).alias(f"{role}_films"),
        (pl.col("tenths") / 10 / rated).alias(f"{role}_rating"),
        (pl.col("millilogs") / 1000 / rated).alias(f"{role}_votes"),
    )


def _sum_records(links: pl.DataFrame, release: pl.DataFrame, ratings: pl.DataFrame, day: date) -> pl.DataFrame:
    """Return movie_id and SUMS over the earlier movies of its members, of whom all links are given."""
    dated = links.unique().join(release.drop_nulls(), on="movie_id")
    made = (
        dated.join(ratings, on="movie_id", how="left")
        .with_columns(counts=pl.col("num_votes").fill_null(0) >= MIN_VOTES)
        .sort("released_until", "movie_id")
        .with_columns(
            films=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("member"),
            rated=pl.col("counts").cast(pl.Int64).cum_sum().over("member"),
            # Whole tenths, as IMDb publishes them: integer sums do not depend on the order of addition.
            tenths=_sum_where_counted((pl.col("average_rating") * 10).round().cast(pl.Int64)),
            millilogs=_sum_where_counted((pl.col("num_votes").cast(pl.Float64).log10() * 1000).round()),
        )
        .select("member", "released_until", *SUMS)
        .sort("released_until")
    )
    targets = dated.with_columns(as_of=pl.min_horizontal("released_from", pl.lit(day))).sort("as_of")
    before = targets.join_asof(
        made,
        left_on="as_of",
        right_on="released_until",
        by="member",
        strategy="backward",
        allow_exact_matches=False,
        check_sortedness=False,
    )
    return before.group_by("movie_id").agg(pl.col(SUMS).fill_null(0).sum())


def _sum_where_counted(value: pl.Expr) -> pl.Expr:
    return pl.when("counts").then(value).otherwise(0).cast(pl.Int64).cum_sum().over("member")
