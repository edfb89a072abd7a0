"""The subset of TMDB's API v3 that the tasks use: movies, find, changes, genres, and TMDB's own error texts."""

import json
import time
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import Response

from infra.sources.tmdb_movies import keep_sections, summarize
from infra.sources.tmdb_source import TmdbSource

GENRES = {
    28: "Action", 12: "Adventure", 16: "Animation", 35: "Comedy", 80: "Crime", 99: "Documentary", 18: "Drama",
    10751: "Family", 14: "Fantasy", 36: "History", 27: "Horror", 10402: "Music", 9648: "Mystery", 10749: "Romance",
    878: "Science Fiction", 10770: "TV Movie", 53: "Thriller", 10752: "War", 37: "Western",
}  # fmt: skip
FindSource = Callable[[], Awaitable[TmdbSource]]
PAGE_SIZE = 100
MAX_PAGE = 500
MAX_DAYS = 14

REJECTIONS = {
    5: (422, "Invalid parameters: Your request parameters are incorrect."),
    7: (401, "Invalid API key: You must be granted a valid key."),
    20: (422, "Invalid date range: Should be a range no longer than 14 days."),
    22: (400, "Invalid page: Pages start at 1 and max at 500. They are expected to be an integer."),
    25: (429, "Your request count is over the allowed limit."),
    34: (404, "The resource you requested could not be found."),
}
"""TMDB's status_code -> HTTP status and message."""


def reject(status_code: int, headers: dict[str, str] | None = None) -> Response:
    """Return TMDB's answer for one of its status codes."""
    status, message = REJECTIONS[status_code]
    return _as_json({"success": False, "status_code": status_code, "status_message": message}, status, headers)


class TmdbApi:
    """The handler of all paths under /3. If `token` is None, any bearer token is accepted, else only that token.

    find_source: returns the movies to answer from. It is called for each request, because the sample's day may change.
    """

    def __init__(self, find_source: FindSource, token: str | None, requests_per_second: float | None) -> None:
        self._find_source, self._token, self._rate = find_source, token, requests_per_second
        self._allowance, self._counted_at = requests_per_second or 0.0, time.monotonic()

    async def answer(self, request: Request) -> Response:
        """Return the answer for any path under /3. One handler serves all paths, so that the token is always checked first."""
        if not self._is_authorized(request.headers.get("authorization", "")):
            return reject(7)
        if self._exceeds_rate():
            return reject(25, {"retry-after": "1"})
        return self._dispatch(request, await self._find_source())

    def _dispatch(self, request: Request, source: TmdbSource) -> Response:
        match request.path_params["path"].split("/"):
            case ["movie", "changes"]:
                return _answer_changes(source, request)
            case ["movie", movie_id]:
                return _answer_movie(source, movie_id, request.query_params.get("append_to_response", ""))
            case ["find", external_id]:
                return _answer_find(source, external_id, request.query_params.get("external_source"))
            case ["genre", "movie", "list"]:
                return _as_json({"genres": [{"id": key, "name": name} for key, name in GENRES.items()]})
        return reject(34)

    def _is_authorized(self, header: str) -> bool:
        scheme, _, token = header.partition(" ")
        return scheme.lower() == "bearer" and token != "" and self._token in {None, token}

    def _exceeds_rate(self) -> bool:
        if self._rate is None:
            return False
        now = time.monotonic()
        self._allowance = min(self._rate, self._allowance + (now - self._counted_at) * self._rate)
        self._counted_at = now
        if self._allowance < 1:
            return True
        self._allowance -= 1
        return False


def _answer_movie(source: TmdbSource, movie_id: str, sections: str) -> Response:
    body = _find_movie(source, movie_id)
    return reject(34) if body is None else _respond(keep_sections(body, _split_sections(sections)))


def _answer_find(source: TmdbSource, external_id: str, kind: str | None) -> Response:
    if kind is None:
        return reject(5)
    body = source.find_by_imdb_id(external_id) if kind == "imdb_id" else None
    found: dict[str, list[object]] = {"movie_results": [] if body is None else [summarize(body)]}
    found |= {key: [] for key in ("person_results", "tv_results", "tv_episode_results", "tv_season_results")}
    return _as_json(found)


def _answer_changes(source: TmdbSource, request: Request) -> Response:
    try:
        end = date.fromisoformat(request.query_params.get("end_date", source.today.isoformat()))
        start = date.fromisoformat(request.query_params.get("start_date", (end - timedelta(days=1)).isoformat()))
    except ValueError:
        return reject(5)
    if not timedelta(0) <= end - start <= timedelta(days=MAX_DAYS):
        return reject(20)
    text = request.query_params.get("page", "1")
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_PAGE):
        return reject(22)
    ids = list(dict.fromkeys(source.list_changes(start, end)))
    page = int(text)
    shown = [{"id": tmdb_id, "adult": False} for tmdb_id in ids[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]]
    pages = max(1, -(-len(ids) // PAGE_SIZE))
    return _as_json({"results": shown, "page": page, "total_pages": pages, "total_results": len(ids)})


def _find_movie(source: TmdbSource, movie_id: str) -> bytes | None:
    """Return the answer for an id such as `tt0111161` or `278`, as TMDB's /3/movie/{id} does; None if the movie is unknown."""
    if movie_id.startswith("tt"):
        return source.find_by_imdb_id(movie_id)
    return source.find_by_tmdb_id(int(movie_id)) if movie_id.isascii() and movie_id.isdigit() else None


@lru_cache(maxsize=64)
def _split_sections(text: str) -> frozenset[str]:
    return frozenset(text.split(","))


def _as_json(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return _respond(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), status, headers)


def _respond(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(body, status, headers, media_type="application/json; charset=utf-8")
