"""From the query string to an IMDb or TMDB id, checked by hand because a validator per request costs more than the rest."""

import re
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

MAX_TMDB_ID = 2**63 - 1
"""Feast keys a TMDB id as a signed 64-bit integer."""
PATTERN = "^(tt[0-9]{7,10}|[1-9][0-9]{0,18})$"
ECHOED_CHARACTERS = 100
"""An error repeats at most this much of what was sent."""

_USUAL_QUERY = re.compile(rb"movie_id=(?:(tt[0-9]{7,10})|([1-9][0-9]{0,17}))\Z")
_MOVIE_ID = re.compile(r"(?:(tt[0-9]{7,10})|([1-9][0-9]{0,18}))\Z", re.ASCII)


class MovieId(NamedTuple):
    """Exactly one of the two is set."""

    imdb: str | None = None
    tmdb: int | None = None

    def __str__(self) -> str:
        return self.imdb or str(self.tmdb)


class MalformedQuery(Exception):
    """`problems` has the shape of FastAPI's own validation errors."""

    def __init__(self, kind: str, message: str, given: object, **context: str) -> None:
        super().__init__(message)
        problem: dict[str, Any] = {"type": kind, "loc": ["query", "movie_id"], "msg": message, "input": given}
        self.problems = [problem | {"ctx": context} if context else problem]


def parse_query(query: bytes) -> MovieId:
    """Parse `movie_id` strictly: ASCII digits only, given once, no blanks or signs; raises MalformedQuery."""
    usual = _USUAL_QUERY.match(query)
    if usual is not None:
        imdb, tmdb = usual.groups()
        return MovieId(imdb=imdb.decode()) if imdb else MovieId(tmdb=int(tmdb))
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, encoding="utf-8", errors="replace")
    given = [value for name, value in pairs if name == "movie_id"]
    if not given:
        raise MalformedQuery("missing", "Field required", None)
    if len(given) > 1:
        raise MalformedQuery("too_long", f"Give movie_id once, not {len(given)} times", [shorten(value) for value in given[:3]])
    return parse_movie_id(given[0])


def parse_movie_id(text: str) -> MovieId:
    """Parse `tt0111161` (IMDb) or a bare integer (TMDB); raises MalformedQuery."""
    match = _MOVIE_ID.match(text)
    if match is not None:
        imdb, tmdb = match.groups()
        if imdb:
            return MovieId(imdb=imdb)
        if int(tmdb) <= MAX_TMDB_ID:
            return MovieId(tmdb=int(tmdb))
    message = f"Give an IMDb id (tt and 7 to 10 digits, tt0111161) or a TMDB id (a whole number from 1 to {MAX_TMDB_ID})"
    raise MalformedQuery("string_pattern_mismatch", message, shorten(text), pattern=PATTERN)


def shorten(text: str) -> str:
    return text if len(text) <= ECHOED_CHARACTERS else text[:ECHOED_CHARACTERS] + "…"
