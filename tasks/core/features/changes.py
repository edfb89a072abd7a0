"""The rows that changed between two builds, and the identity of a build's content."""

import hashlib
from datetime import datetime

import polars as pl

ROWS_PER_SLICE = 50_000


def compute_changes(rows: pl.DataFrame, known: pl.DataFrame | None) -> pl.DataFrame:
    """Return the rows to append: movies that are new or differ from their last known row, and withdrawals.

    rows: movie_id, tmdb_id, title, features, as computed. known: the same columns and `withdrawn`, one row per movie.
    A known movie that the sources do not have any more becomes a row of nulls with `withdrawn` true.
    """
    rows = rows.with_columns(withdrawn=pl.lit(value=False))
    if known is None:
        return rows
    comparable = _select_columns(known, rows)
    gone = comparable.filter(~pl.col("withdrawn")).join(rows, on="movie_id", how="anti", maintain_order="left")
    withdrawn = gone.select("movie_id", withdrawn=pl.lit(value=True))
    return pl.concat([rows.filter(_mask_changed(rows, comparable)), withdrawn], how="diagonal").select(rows.columns)


def _mask_changed(rows: pl.DataFrame, known: pl.DataFrame) -> pl.Series:
    """Return true for each row that `known` does not have with the same values; both have the same columns.

    Column by column: a join on all columns needs several times the memory of the rows.
    """
    places = known.select("movie_id").with_row_index("place")
    place = rows.select("movie_id").join(places, on="movie_id", how="left", maintain_order="left")["place"]
    changed = place.is_null()
    for name in rows.columns:
        changed |= rows[name].ne_missing(known[name].gather(place))
    return changed


def compute_restoration(changes: pl.DataFrame, later: pl.DataFrame, day: datetime) -> pl.DataFrame:
    """Return the rows to append for `day` so that it, and every day after it, reads as before the changes of an earlier day.

    changes: as compute_changes returns them, of an earlier day. later: the rows as of `day` before those changes, with
    event_timestamp. A movie with a row of that day needs none; one that was not known yet becomes withdrawn again.
    """
    inherited = later.filter(pl.col("event_timestamp") < day).join(changes, on="movie_id", how="semi", maintain_order="left")
    unknown = changes.join(later, on="movie_id", how="anti", maintain_order="left").filter(~pl.col("withdrawn"))
    withdrawn = unknown.select("movie_id", withdrawn=pl.lit(value=True))
    return pl.concat([_select_columns(inherited, changes), withdrawn], how="diagonal").select(changes.columns)


def _select_columns(known: pl.DataFrame, like: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of `like`, null where `known` is of a build that did not have one."""
    return known.select(
        *[pl.col(name) if name in known.columns else pl.lit(None, dtype).alias(name) for name, dtype in like.schema.items()]
    )


def merge_newest(known: pl.DataFrame, changes: pl.DataFrame | None) -> pl.DataFrame:
    """Return the newest row of each movie, by movie_id: that of `changes`, or else that of `known`; with the columns of both."""
    if changes is None:
        return known
    kept = known.join(changes, on="movie_id", how="anti", maintain_order="left")
    return pl.concat([kept, changes], how="diagonal").sort("movie_id")


class ContentHash:
    """The sha256 of the column names and all values of rows that come in slices, by movie_id.

    The same content gives the same hash anywhere, however it is cut.
    """

    def __init__(self) -> None:
        self._digest, self._is_first = hashlib.sha256(), True

    def add(self, rows: pl.DataFrame) -> None:
        """Add the next rows, by movie_id."""
        # In slices, because the text of a whole catalogue is larger than its rows.
        for start in range(0, max(rows.height, int(self._is_first)), ROWS_PER_SLICE):
            part = rows.slice(start, ROWS_PER_SLICE)
            text = part.write_csv(include_header=self._is_first, null_value="null", float_precision=6)
            self._digest.update(text.encode())
            self._is_first = False

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def compute_content_hash(rows: pl.DataFrame) -> str:
    """Return the ContentHash of these rows."""
    content = ContentHash()
    content.add(rows.sort("movie_id"))
    return content.hexdigest()
