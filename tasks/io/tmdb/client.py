"""TMDB's API v3 as one client, live or local: paced, patient within a budget, and never with the token in a URL or log."""

import logging
import random
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, timedelta
from typing import Protocol, Self

from pydantic import SecretStr

from tasks.core.errors import AccessDenied, BadSetting, TaskError, Unavailable
from tasks.core.tmdb.batch import Answer
from tasks.core.tmdb.parse import ChangesPage, parse_changes, parse_message, seems_complete_json
from tasks.io.retries import read_retry_after
from tasks.io.tmdb.http import CallFailed, Reply, Transport
from tasks.io.tmdb.limits import RateLimiter, RetryBudget

log = logging.getLogger("tasks.tmdb")

SECTIONS = "credits,keywords,external_ids,release_dates"
WORKERS = 8
LOOK_AHEAD = 2_000
"""Films asked for before the first answer is taken: two batches, so that asking goes on while one is stored."""
TRIES = 5
LONGEST_PAUSE_SECONDS = 60
CHANGES_DAYS = 14
"""The longest range that /3/movie/changes takes."""
CHANGES_PAGES = 500
"""The last page that TMDB gives."""


class TmdbSettings(Protocol):
    """The settings this file reads."""

    @property
    def tmdb_base_url(self) -> str: ...
    @property
    def tmdb_access_token(self) -> SecretStr | None: ...
    @property
    def tmdb_requests_per_second(self) -> float: ...


class Tmdb:
    """AccessDenied when the token is; Unavailable when calls fail too often. One instance a run."""

    def __init__(self, transport: Transport, requests_per_second: float) -> None:
        self._transport = transport
        self._limiter, self._budget = RateLimiter(requests_per_second), RetryBudget()

    @classmethod
    def from_settings(cls, settings: TmdbSettings) -> Self:
        if settings.tmdb_access_token is None:
            raise BadSetting("TMDB_ACCESS_TOKEN is not set")
        token = settings.tmdb_access_token.get_secret_value()
        return cls(Transport(settings.tmdb_base_url, token, WORKERS), settings.tmdb_requests_per_second)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._limiter.end()
        self._transport.close()

    def fetch_movies(self, movie_ids: Iterable[str]) -> Iterator[Answer | None]:
        """One answer for each id, in the order asked; None for a film that TMDB gave no answer to, this time."""
        asked: deque[Future[Answer | None]] = deque()
        with ThreadPoolExecutor(WORKERS, "tmdb") as workers:
            try:
                for movie_id in movie_ids:
                    asked.append(workers.submit(self.fetch_movie, movie_id))
                    if len(asked) >= LOOK_AHEAD:
                        yield asked.popleft().result()
                while asked:
                    yield asked.popleft().result()
            except BaseException:
                self._limiter.end()
                workers.shutdown(wait=False, cancel_futures=True)
                raise

    def fetch_movie(self, movie_id: str) -> Answer | None:
        """Ask by IMDb id, which TMDB takes in place of its own: one request a film."""
        try:
            reply = self._fetch(f"/3/movie/{movie_id}?append_to_response={SECTIONS.replace(',', '%2C')}")
        except TaskError as error:
            self._limiter.end(error)  # at once: the answers asked for before this one are waited for first
            raise
        return None if reply is None else Answer(movie_id, reply.status, reply.body)

    def fetch_changes(self, start: date, end: date) -> list[int]:
        """TMDB ids that changed from `start` to `end`, ascending."""
        ids: set[int] = set()
        while True:
            last = min(end, start + timedelta(days=CHANGES_DAYS))
            ids.update(self._fetch_window(start, last))
            if last >= end:
                return sorted(ids)
            start = last  # windows share a day: TMDB does not say whether its last day is in

    def _fetch_window(self, start: date, end: date) -> Iterator[int]:
        """One window, in halves where it has more pages than TMDB gives; a day has about 100."""
        page = total = 1
        while page <= total:
            changes = self._fetch_page(start, end, page)
            # The list grows while it is read, so its length is taken anew from each page.
            total = min(changes.total_pages, CHANGES_PAGES)
            if changes.total_pages > CHANGES_PAGES and start < end:
                middle = start + (end - start) // 2
                yield from self._fetch_window(start, middle)
                yield from self._fetch_window(middle + timedelta(days=1), end)
                return
            yield from changes.tmdb_ids
            page += 1

    def _fetch_page(self, start: date, end: date, page: int) -> ChangesPage:
        reply = self._fetch(f"/3/movie/changes?start_date={start}&end_date={end}&page={page}")
        if reply is not None and reply.status == 200:
            return parse_changes(reply.body)
        # A page that is missing would be films never asked again: better to fail, and ask for all of them later.
        said = "no answer" if reply is None else f"{reply.status}: {parse_message(reply.body)}"
        raise Unavailable(f"TMDB does not give page {page} of the changes from {start} to {end}: {said}")

    def _fetch(self, path: str) -> Reply | None:
        """An answer to keep, be it a refusal of this path; None after TRIES failures."""
        for attempt in range(1, TRIES + 1):
            self._limiter.wait()
            try:
                reply = self._transport.get(path)
                problem, asked_pause = find_problem(reply)
            except CallFailed as error:
                reply, problem, asked_pause = None, str(error), None
            if problem is None:
                self._budget.restore()
                return reply
            self._budget.take(f"{path}: {problem}")
            if attempt < TRIES:
                self._wait_after(path, problem, asked_pause, attempt)
        log.warning("%s: %s; given up after %d tries", path, problem, TRIES)
        return reply if reply is not None and reply.status == 200 else None

    def _wait_after(self, path: str, problem: str, asked_pause: float | None, attempt: int) -> None:
        if asked_pause is None:
            pause = random.uniform(0, 2 ** (attempt - 1))  # noqa: S311  # spreads retries, guards nothing
        else:
            pause = min(asked_pause, LONGEST_PAUSE_SECONDS)
            self._limiter.hold(pause)  # it is meant for every thread
        log.warning("%s: %s; try %d of %d in %.1f s", path, problem, attempt + 1, TRIES, pause)
        self._limiter.pause(pause)


def find_problem(reply: Reply) -> tuple[str | None, float | None]:
    """Why the answer is worth another try, if it is, and the pause in seconds that it asks for."""
    status = reply.status
    if status in {401, 403}:
        raise AccessDenied(f"TMDB refuses TMDB_ACCESS_TOKEN with {status}: {parse_message(reply.body)}")
    if 300 <= status < 400:
        raise BadSetting(f"TMDB_BASE_URL: it answers {status} and points to {reply.headers.get('Location')!r:.200}; set that one")
    if status in {408, 425, 429} or status >= 500:
        return f"answered {status}: {parse_message(reply.body)}", read_retry_after(reply.headers.get("Retry-After"))
    if status == 200 and not seems_complete_json(reply.body):
        return f"answered 200 without whole JSON: {parse_message(reply.body)}", None
    return None, None
