"""Walks through rows that come in slices by movie_id, beside other slices with other borders."""

from collections.abc import Iterable, Iterator

import polars as pl


class RowsById:
    """Rows in slices by movie_id, handed out up to a given id."""

    def __init__(self, slices: Iterable[pl.DataFrame]) -> None:
        """Take slices with the same columns; the movie_ids rise over all of them."""
        self._slices: Iterator[pl.DataFrame] = iter(slices)
        self._ahead = next(self._slices, None)
        self._none = self._ahead.clear() if self._ahead is not None else None

    def take(self, last: str | None) -> pl.DataFrame | None:
        """Return the next rows up to and with movie_id `last`, or all that are left; None if there is not a single slice."""
        if self._none is None:
            return None
        taken = [self._none]
        while self._ahead is not None:
            border = self._ahead.height if last is None else int(self._ahead["movie_id"].search_sorted(last, side="right"))
            taken.append(self._ahead.head(border))
            if border < self._ahead.height:
                self._ahead = self._ahead.slice(border)
                break
            self._ahead = next(self._slices, None)
        return pl.concat(taken)


def follow(slices: Iterable[pl.DataFrame]) -> Iterator[tuple[pl.DataFrame, str | None]]:
    """Yield each slice that is not empty with its last movie_id, and at the end an empty one with None, for what comes after."""
    rows = None
    for rows in slices:
        if rows.height:
            yield rows, rows["movie_id"][-1]
    if rows is not None:
        yield rows.clear(), None
