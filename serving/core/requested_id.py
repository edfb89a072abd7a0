"""Parses the movie id of a request by hand: a general validator would cost more than the rest of the request."""

import re
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

MAX_TMDB_ID = 2**63 - 1
"""Feast keys a TMDB id as a signed 64-bit integer."""
PATTERN = "^(tt[0-9]{7,10}|[1-9][0-9]{0,18})$"
ECHOED_CHARACTERS = 100
"""An error repeats at most this many characters of the request."""

_USUAL_QUERY = re.compile(rb"movie_id=(?:(tt[0-9]{7,10})|([1-9][0-9]{0,17}))\Z")
_MOVIE_ID = re.compile(r"(?:(tt[0-9]{7,10})|([1-9][0-9]{0,18}))\Z", re.ASCII)


class RequestedId(NamedTuple):
    """The id in a request: exactly one of an IMDb id and a TMDB id."""

    movie_id: str | None = None
    """IMDb id."""
    tmdb_id: int | None = None

    def __str__(self) -> str:
        return self.movie_id or str(self.tmdb_id)


class MalformedQuery(Exception):
    """Error for a malformed id; `problems` has the shape of FastAPI's own validation errors."""

    def __init__(self, kind: str, message: str, value: object, **context: str) -> None:
        super().__init__(message)
        problem: dict[str, Any] = {"type": kind, "loc": ["query", "movie_id"], "msg": message, "input": value}
        self.problems = [problem | {"ctx": context} if context else problem]


def parse_query(query: bytes) -> RequestedId:
    """Parse the parameter `movie_id` strictly: once, ASCII digits only, no blanks or signs. Raise MalformedQuery."""
    usual = _USUAL_QUERY.match(query)
    if usual is not None:
        movie_id, tmdb_id = usual.groups()
        return RequestedId(movie_id=movie_id.decode()) if movie_id else RequestedId(tmdb_id=int(tmdb_id))
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, encoding="utf-8", errors="replace")
    values = [value for name, value in pairs if name == "movie_id"]
    if not values:
        raise MalformedQuery("missing", "Field required", None)
    if len(values) > 1:
        raise MalformedQuery("too_long", f"Give movie_id once, not {len(values)} times", [shorten(value) for value in values[:3]])
    return parse_requested_id(values[0])


def parse_requested_id(text: str) -> RequestedId:
    """Parse `tt0111161` (IMDb) or a bare integer (TMDB). Raise MalformedQuery."""
    match = _MOVIE_ID.match(text)
    if match is not None:
        movie_id, tmdb_id = match.groups()
        if movie_id:
            return RequestedId(movie_id=movie_id)
        if int(tmdb_id) <= MAX_TMDB_ID:
            return RequestedId(tmdb_id=int(tmdb_id))
    message = f"Give an IMDb id (tt and 7 to 10 digits, tt0111161) or a TMDB id (a whole number from 1 to {MAX_TMDB_ID})"
    raise MalformedQuery("string_pattern_mismatch", message, shorten(text), pattern=PATTERN)


def shorten(text: str) -> str:
    """Return the text, cut to ECHOED_CHARACTERS."""
    return text if len(text) <= ECHOED_CHARACTERS else text[:ECHOED_CHARACTERS] + "…"
