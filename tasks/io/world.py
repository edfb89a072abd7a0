"""Reads the day of the source: today, or the day of the sample's world."""

import logging
from datetime import UTC, date, datetime
from typing import Protocol

import requests
from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from tasks.core.errors import Unavailable

log = logging.getLogger("tasks.world")

TRIES = 4
SECONDS = 5
"""For one try."""


class WorldSettings(Protocol):
    """The settings this file reads."""

    @property
    def world_url(self) -> str | None: ...


def read_today(settings: WorldSettings) -> date:
    """Return the source's day: today (UTC), or the world's day. Raise Unavailable if the world's server does not answer."""
    if settings.world_url is None:
        return datetime.now(UTC).date()
    retrying = Retrying(
        retry=retry_if_exception_type(requests.RequestException),
        stop=stop_after_attempt(TRIES),
        wait=wait_random_exponential(multiplier=0.2, max=2),
    )
    try:
        return retrying(_fetch_day, settings.world_url)
    except RetryError as failure:
        error = failure.last_attempt.exception()
        raise Unavailable(f"{settings.world_url} does not tell the day of the sample's world: {error}") from error


def fetch_world_day(settings: WorldSettings, at_least: date) -> date | None:
    """Return the world's day, or None for real sources. Without an answer, log that and assume `at_least`."""
    if settings.world_url is None:
        return None
    try:
        return max(at_least, read_today(settings))
    except Unavailable as error:
        log.warning("%s; assuming day %s", error, at_least)
        return at_least


def _fetch_day(url: str) -> date:
    with requests.Session() as session:
        answer = session.get(url, timeout=SECONDS)
        answer.raise_for_status()
        return date.fromisoformat(answer.json()["day"])
