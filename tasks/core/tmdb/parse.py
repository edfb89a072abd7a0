"""Parses TMDB's answers: the body of a movie to a record or a reason, a page of changes to ids."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from tasks.core.errors import BadInput
from tasks.core.tmdb.fields import Fields

INT32, INT64 = 2**31 - 1, 2**63 - 1
EXCERPT_BYTES = 200
"""Bytes of a body that a reason shows."""


@dataclass(frozen=True, slots=True)
class TmdbMovie:
    """The columns of table tmdb_movie that come from the body; None where TMDB does not know. Money is in US dollars."""

    movie_id: str
    tmdb_id: int
    title: str | None
    original_language: str | None
    release_date: date | None
    runtime_minutes: int | None
    budget: int | None
    status: str | None
    adult: bool | None
    overview: str | None
    tagline: str | None
    genres: list[str]
    companies: list[str]
    countries: list[str]
    spoken_languages: list[str]
    keywords: list[str]
    cast_size: int
    crew_size: int
    revenue: int | None
    popularity: float | None
    vote_average: float | None
    vote_count: int | None


@dataclass(frozen=True, slots=True)
class Parsed:
    """The record of one movie."""

    movie: TmdbMovie
    dropped: tuple[str, ...]
    """Fields that are None in the record because their value is invalid."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """An answer that gives no record."""

    reason: str


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """One page of the list of changed movies."""

    tmdb_ids: tuple[int, ...]
    total_pages: int


def seems_complete_json(body: bytes) -> bool:
    """Return false for an HTML page and for JSON that was cut, by the first and the last byte alone."""
    return body[:1] == b"{" and body.rstrip()[-1:] == b"}"


def parse_movie(body: bytes, movie_id: str) -> Parsed | Rejected:
    """Parse the 200 answer to GET /3/movie/{movie_id}; reject one that is not about this movie.

    An invalid field becomes None. Format: https://developer.themoviedb.org/reference/movie-details.
    """
    values = _parse_object(body)
    if isinstance(values, Rejected):
        return values
    if values.get("success") is False:
        return Rejected(f"TMDB answers 200 and success false: {parse_message(body)}")
    fields = Fields(values)
    tmdb_id = fields.integer("id", 1, INT64)
    if tmdb_id is None:
        return Rejected(f"id is {values.get('id')!r:.200}: it must be a positive whole number")
    answered = values.get("imdb_id") or fields.inner("external_ids").text("imdb_id")
    if answered != movie_id:
        return Rejected(f"the answer is for imdb_id {answered!r:.200}, TMDB {tmdb_id}; {movie_id} was asked")
    movie = _read_movie(fields, movie_id, tmdb_id)
    return Parsed(movie, tuple(dict.fromkeys(fields.dropped)))


def _read_movie(fields: Fields, movie_id: str, tmdb_id: int) -> TmdbMovie:
    people = fields.inner("credits")
    return TmdbMovie(
        movie_id=movie_id,
        tmdb_id=tmdb_id,
        title=fields.text("title"),
        original_language=fields.language("original_language"),
        release_date=fields.day("release_date"),
        runtime_minutes=fields.positive("runtime", INT32),
        budget=fields.positive("budget", INT64),
        status=fields.text("status"),
        adult=fields.flag("adult"),
        overview=fields.text("overview"),
        tagline=fields.text("tagline"),
        genres=fields.names("genres", "name"),
        companies=fields.names("production_companies", "name"),
        countries=fields.names("production_countries", "iso_3166_1"),
        spoken_languages=[code for code in fields.names("spoken_languages", "iso_639_1") if code != "xx"],
        keywords=fields.inner("keywords").names("keywords", "name"),
        cast_size=len(people.items("cast")),
        crew_size=len(people.items("crew")),
        revenue=fields.positive("revenue", INT64),
        popularity=fields.real("popularity", 1e12),
        vote_average=fields.real("vote_average", 10),
        vote_count=fields.integer("vote_count", 0, INT32),
    )


def parse_changes(body: bytes) -> ChangesPage:
    """Parse one page of GET /3/movie/changes; raise BadInput if it has another shape.

    Rows without an id are left out: TMDB sends a few.
    """
    values = _parse_object(body)
    if isinstance(values, Rejected):
        raise BadInput(f"TMDB's list of changes: {values.reason}")
    page, rows = Fields(values), values.get("results")
    total = page.integer("total_pages", 0, INT32)
    if not isinstance(rows, list) or total is None:
        raise BadInput(f"TMDB's list of changes has no results or no total_pages: {_excerpt(body)}")
    ids = (Fields(row).integer("id", 1, INT64) for row in rows if isinstance(row, dict))
    return ChangesPage(tuple(tmdb_id for tmdb_id in ids if tmdb_id is not None), total)


def is_tmdb_error(body: bytes) -> bool:
    """Return true for an error that TMDB itself sends: a proxy or a CDN that answers in its place sends no status_code."""
    values = _parse_object(body)
    return isinstance(values, dict) and isinstance(values.get("status_code"), int)


def parse_message(body: bytes) -> str:
    """Return TMDB's own message and status_code of an error; the beginning of the body where it has none."""
    values = _parse_object(body)
    if isinstance(values, Rejected) or not isinstance(values.get("status_message"), str):
        return _excerpt(body)
    return f"{values['status_message'][:EXCERPT_BYTES]!r} (status_code {values.get('status_code')!r:.20})"


def _parse_object(body: bytes) -> dict[str, Any] | Rejected:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, a number of thousands of digits; nested too deeply
        return Rejected(f"not JSON ({error!s:.100}): {_excerpt(body)}")
    if not isinstance(values, dict):
        return Rejected(f"not a JSON object: {_excerpt(body)}")
    return values


def _excerpt(body: bytes) -> str:
    return repr(body[:EXCERPT_BYTES].decode("utf-8", "replace"))
