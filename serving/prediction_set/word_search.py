"""Finds movies by title in a database of an earlier release, which indexes words only and knows no votes.

Such a database is served after an upgrade, until the next deployment brings a new one.
"""

import sqlite3
from collections.abc import Iterator
from typing import Any

from serving.prediction_set.title_search import COLUMNS, MAX_CHARACTERS, MAX_WORDS

_BEST = f"""
    select {COLUMNS} from (select rowid, rank from title_search where title_search match ? order by rank limit ?) as hit
    join movie on movie.id = hit.rowid order by hit.rank
"""  # noqa: S608  # our own names
RENAME = "create temp view movie as select * from film"


def find(connection: sqlite3.Connection, text: str, limit: int) -> Iterator[tuple[Any, ...]]:
    """Yield rows with COLUMNS of movies whose titles have all these words; the last one may be unfinished."""
    bare = "".join(char if char.isalnum() else " " for char in text[:MAX_CHARACTERS])
    if words := bare.split()[:MAX_WORDS]:
        yield from connection.execute(_BEST, (" ".join(f'"{word}"' for word in words) + " *", limit))
