"""Downloads a large file: streamed, resumed where it was cut, within a deadline and a number of tries."""

import logging
import time
from typing import Protocol

import requests
from tenacity import (
    RetryCallState,
    RetryError,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from tasks.core.errors import BadInput, BadSetting, Unavailable
from tasks.core.imdb.raw_file import Validators
from tasks.io.imdb.answers import Unexpected, check_status, translate_errors
from tasks.io.retries import FailedTry, wait_as_asked

log = logging.getLogger("tasks.imdb")

CONNECT_SECONDS = 10
SILENCE_SECONDS = 60
DEADLINE_SECONDS = 3600
"""For one file, all tries together."""
TRIES = 6
LARGEST_BYTES = 8 << 30
PIECE_BYTES = 1 << 20


class Sink(Protocol):
    """A receiver of the downloaded bytes."""

    @property
    def size(self) -> int:
        """The number of bytes so far."""
        ...

    def write(self, piece: bytes, /) -> None: ...

    def clear(self) -> None:
        """Forget all bytes: they are sent again from the beginning."""


def download(url: str, sink: Sink, known: Validators | None) -> Validators | None:
    """Write the whole file to `sink` and return its version; return None, and write nothing, if it is still version `known`.

    Raises Unavailable if no try brings the whole file, BadSetting if each try gets an answer that a wrong address would give.
    """
    deadline = time.monotonic() + DEADLINE_SECONDS
    part = Part(sink)

    def announce_retry(state: RetryCallState) -> None:
        error, pause = state.outcome and state.outcome.exception(), state.next_action.sleep if state.next_action else 0.0
        log.warning("%s: %s; try %d of %d in %.0f s", url, error, state.attempt_number + 1, TRIES, pause)

    retrying = Retrying(
        retry=retry_if_exception_type(FailedTry),
        stop=stop_after_attempt(TRIES) | stop_before_delay(DEADLINE_SECONDS),
        wait=wait_as_asked(wait_random_exponential(min=0.5)),
        before_sleep=announce_retry,
    )
    try:
        changed = retrying(part.fetch_rest, url, known, deadline)
    except RetryError as failure:
        error, tries = failure.last_attempt.exception(), failure.last_attempt.attempt_number
        if isinstance(error, Unexpected):
            raise BadSetting(f"IMDB_BASE_URL: {url}: {error}; gave up after {tries} tries") from error
        raise Unavailable(f"{url}: {error}; gave up after {tries} tries") from error
    return part.version if changed else None


class Part:
    """The beginning of a file, and the version of the file that it belongs to."""

    def __init__(self, sink: Sink) -> None:
        self.sink, self.version = sink, Validators(None, None)

    def fetch_rest(self, url: str, known: Validators | None, deadline: float) -> bool:
        """Send one request for the bytes that are missing; return False if the server answers 304.

        Raises FailedTry if the file is not whole after it. The received bytes are kept if the server can send the rest alone.
        """
        have = self.sink.size
        headers = {"User-Agent": "marquee", "Accept-Encoding": "identity"}
        if have and self.version.condition:
            headers |= {"Range": f"bytes={have}-", "If-Range": self.version.condition}
        elif known and known.etag:
            headers["If-None-Match"] = known.etag
        elif known and known.last_modified:
            headers["If-Modified-Since"] = known.last_modified
        timeout = (CONNECT_SECONDS, SILENCE_SECONDS)
        with (
            translate_errors(),
            requests.get(url, headers=headers, stream=True, timeout=timeout, allow_redirects=False) as answer,
        ):
            if answer.status_code == 304 and known:
                return False
            if answer.status_code == 416:
                self.version = Validators(None, None)
                raise FailedTry("answers 416 to the request for the rest; starting again")
            check_status(answer)
            self._append(answer, have, deadline)
        return True

    def _append(self, answer: requests.Response, have: int, deadline: float) -> None:
        version = Validators(answer.headers.get("ETag"), answer.headers.get("Last-Modified"))
        is_rest = answer.status_code == 206
        if not is_rest:
            self.version = version
        elif version.etag != self.version.etag or not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            self.version = Validators(None, None)
            raise FailedTry("the rest that was sent does not fit the beginning; starting again")
        length = answer.headers.get("Content-Length")
        whole = None if length is None else int(length) + (have if is_rest else 0)
        if whole is not None and whole > LARGEST_BYTES:
            raise BadInput(f"{answer.url} is {whole} bytes long; no IMDb file is longer than {LARGEST_BYTES}")
        if not is_rest and have:
            self.sink.clear()
        # read1 returns the bytes that have come, so that the deadline also ends an answer that is sent byte by byte.
        while piece := answer.raw.read1(PIECE_BYTES, decode_content=False):
            self.sink.write(piece)
            if self.sink.size > LARGEST_BYTES:
                raise BadInput(f"{answer.url} continues after {LARGEST_BYTES} bytes; no IMDb file is longer")
            if time.monotonic() > deadline:
                raise FailedTry(f"only {self.sink.size} bytes came in {DEADLINE_SECONDS} s")
        if whole is not None and self.sink.size != whole:
            raise FailedTry(f"cut after {self.sink.size} of {whole} bytes")
