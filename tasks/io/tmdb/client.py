"""TMDB's API v3, live or local: limited in rate, with retries within a budget, and without the token in a URL or a log."""

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial
from typing import Protocol, Self

from pydantic import SecretStr
from tenacity import RetryCallState, RetryError, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from tasks.core.errors import BadSetting, TaskError, Unavailable
from tasks.core.tmdb.batch import Answer
from tasks.core.tmdb.parse import ChangesPage, parse_changes, parse_message
from tasks.io.retries import FailedTry, find_asked_pause, wait_as_asked
from tasks.io.tmdb.http import Reply, Transport
from tasks.io.tmdb.limits import RateLimiter, RetryBudget
from tasks.io.tmdb.replies import NotAnAnswer, check_reply, find_wrong_setting

log = logging.getLogger("tasks.tmdb")

SECTIONS = "credits,keywords,external_ids,release_dates"
WORKERS = 8
LOOK_AHEAD = 2_000
"""Requests that may be under way or answered before the first answer is taken: two batches, so that one is stored meanwhile."""
TRIES = 5
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
    """A client for one run. It raises AccessDenied if TMDB refuses the token, and Unavailable if calls fail too often."""

    def __init__(self, transport: Transport, requests_per_second: float) -> None:
        self._transport = transport
        self._limiter, self._budget = RateLimiter(requests_per_second), RetryBudget()
        self._has_answered = False

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
        """Yield one answer for each id, in the order of the ids; None for a movie that TMDB did not answer.

        An error ends the run: the answers that have come by then are yielded first, so that none of them is asked for again.
        """
        futures: deque[Future[Answer | None]] = deque()
        with ThreadPoolExecutor(WORKERS, "tmdb") as workers:
            try:
                for movie_id in movie_ids:
                    futures.append(workers.submit(self.fetch_movie, movie_id))
                    if len(futures) >= LOOK_AHEAD:
                        yield futures.popleft().result()
                while futures:
                    yield futures.popleft().result()
            except TaskError:
                workers.shutdown(wait=True, cancel_futures=True)
                yield from answers_of(futures)
                raise
            except BaseException:
                self._limiter.end()
                workers.shutdown(wait=False, cancel_futures=True)
                raise

    def fetch_movie(self, movie_id: str) -> Answer | None:
        """Ask for a movie by its IMDb id, which TMDB takes in place of its own: one request per movie."""
        try:
            reply = self._fetch(f"/3/movie/{movie_id}?append_to_response={SECTIONS.replace(',', '%2C')}")
        except TaskError as error:
            self._limiter.end(error)  # now, because fetch_movies waits for earlier answers in the order first
            raise
        return None if reply is None else Answer(movie_id, reply.status, reply.body)

    def fetch_changes(self, start: date, end: date) -> list[int]:
        """Return the TMDB ids that changed from `start` to `end`, ascending."""
        ids: set[int] = set()
        while True:
            last = min(end, start + timedelta(days=CHANGES_DAYS))
            ids.update(self._fetch_window(start, last))
            if last >= end:
                return sorted(ids)
            start = last  # windows share a day: TMDB does not document whether the last day is included

    def _fetch_window(self, start: date, end: date) -> Iterator[int]:
        """Yield the ids of one window, in halves where it has more pages than TMDB gives; a day has about 100 pages."""
        page = total = 1
        while page <= total:
            changes = self._fetch_page(start, end, page)
            # The list grows while it is read, so its length is taken from the newest page.
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
        # Movies of a missing page would never be asked for again, so the run fails and asks for all pages later.
        problem = "no answer" if reply is None else f"{reply.status}: {parse_message(reply.body)}"
        raise Unavailable(f"TMDB does not give page {page} of the changes from {start} to {end}: {problem}")

    def _fetch(self, path: str) -> Reply | None:
        """Return TMDB's answer, which may be an error about this path; None if no try brought one.

        A last answer of status 200 that is not complete JSON is returned too: its bytes go to quarantine.
        """
        retrying = Retrying(
            retry=retry_if_exception_type(FailedTry),
            stop=stop_after_attempt(TRIES),
            wait=wait_as_asked(wait_random_exponential()),
            after=lambda state: self._budget.take(f"{path}: {error_of(state)}"),
            before_sleep=partial(self._announce_retry, path),
            sleep=self._limiter.pause,
        )
        try:
            return retrying(self._try_once, path)
        except RetryError as failure:
            error = failure.last_attempt.exception()
        log.warning("%s: %s; given up after %d tries", path, error, TRIES)
        if not isinstance(error, NotAnAnswer):
            return None
        if not self._has_answered and (wrong := find_wrong_setting(error.reply)):
            raise wrong
        return error.reply if error.reply.status == 200 else None

    def _try_once(self, path: str) -> Reply:
        self._limiter.wait()
        reply = self._transport.get(path)
        check_reply(reply)
        self._has_answered = True
        self._budget.restore()
        return reply

    def _announce_retry(self, path: str, state: RetryCallState) -> None:
        pause = state.next_action.sleep if state.next_action else 0.0
        if find_asked_pause(state) is not None:
            self._limiter.hold(pause)  # the pause that TMDB asks for applies to every thread
        log.warning("%s: %s; try %d of %d in %.1f s", path, error_of(state), state.attempt_number + 1, TRIES, pause)


def answers_of(futures: Iterable[Future[Answer | None]]) -> Iterator[Answer]:
    """Yield the answers of those futures that have one; all of them have ended."""
    for future in futures:
        try:
            answer = future.result()
        except (TaskError, CancelledError):
            continue  # the error that ended the run, in another thread
        if answer is not None:
            yield answer


def error_of(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
