"""Finds movies by title, the closest titles first and the best known of those before the others.

The movies of the file are numbered by their votes, so that matches in the order of their numbers need no sorting.
"""

import sqlite3
from collections.abc import Iterator
from typing import Any

from serving.prediction_set.title_fold import fold

MAX_CHARACTERS, MAX_WORDS = 200, 16
"""Limits of a search text; the rest is ignored."""
TRIGRAM = 3
"""The index of parts holds each three consecutive characters."""

COLUMNS = "movie.movie_id, movie.tmdb_id, movie.title, movie.year, movie.rating, movie.model_output, movie.features_as_of"
_EXACT = f"select {COLUMNS} from movie where folded = ? order by id limit ?"  # noqa: S608  # our own names
_WORDS = f"""
    select {COLUMNS} from title_words join movie on movie.id = title_words.rowid
    where title_words match ? order by title_words.rowid limit ?
"""  # noqa: S608
_PART = f"""
    select {COLUMNS} from title_parts join movie on movie.id = title_parts.rowid
    where title_parts match ? and instr(movie.folded, ?) order by title_parts.rowid limit ?
"""  # noqa: S608


def find(connection: sqlite3.Connection, text: str, limit: int) -> Iterator[tuple[Any, ...]]:
    """Yield rows with COLUMNS, some more than once: exact titles, then those that start with the text, then those with all its
    words, then those with words that start like its last one, then those that contain it anywhere."""
    words = fold(text[:MAX_CHARACTERS]).split()[:MAX_WORDS]
    if not words:
        return
    folded = " ".join(words)
    yield from connection.execute(_EXACT, (folded, limit))
    if not folded[0].isascii() or not folded[0].isalnum():
        return  # signs alone, which are in no index of words
    all_words = " ".join(f'"{word}"' for word in words)
    for match in (f'^ "{folded}" *', all_words, f"{all_words} *"):
        yield from connection.execute(_WORDS, (match, limit))
    if len(folded) >= TRIGRAM:
        trigrams = {folded[start : start + TRIGRAM] for start in range(len(folded) - TRIGRAM + 1)}
        match = " ".join(f'"{trigram}"' for trigram in sorted(trigrams))
        yield from connection.execute(_PART, (match, folded, limit))
