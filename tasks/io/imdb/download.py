"""A conditional GET of a large file: streamed to disk, resumed where it was cut, within a deadline and a number of tries."""

import errno
import logging
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema
from urllib3.exceptions import HTTPError

from tasks.core.errors import AccessDenied, BadInput, BadSetting, Unavailable
from tasks.core.imdb.raw_file import Validators
from tasks.io.retries import read_retry_after

log = logging.getLogger("tasks.imdb")

CONNECT_SECONDS = 10
SILENCE_SECONDS = 60
DEADLINE_SECONDS = 3600
"""For one file, all tries together."""
TRIES = 6
LONGEST_PAUSE_SECONDS = 60
LARGEST_BYTES = 8 << 30
PIECE_BYTES = 1 << 20


class Interrupted(Exception):
    """A try that failed in a way that another may not; `pause` is what the server asked for, in seconds."""

    def __init__(self, message: str, pause: float | None = None) -> None:
        super().__init__(message)
        self.pause = pause


def download(url: str, path: Path, known: Validators | None) -> Validators | None:
    """Put the file at `path`, whole; None, and no file, if the server answers 304 to what is `known`."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    part = Part(path.with_name(path.name + ".part"))
    for attempt in range(1, TRIES + 1):
        try:
            changed = part.go_on(url, known, deadline)
        except Interrupted as problem:
            pause = backoff(attempt) if problem.pause is None else min(problem.pause, LONGEST_PAUSE_SECONDS)
            if attempt == TRIES or time.monotonic() + pause > deadline:
                raise Unavailable(f"{url}: {problem}; gave up after {attempt} tries") from problem
            log.warning("%s: %s; try %d of %d in %.0f s", url, problem, attempt + 1, TRIES, pause)
            time.sleep(pause)
        else:
            if not changed:
                part.path.unlink()
                return None
            part.path.replace(path)
            return part.version
    raise AssertionError("unreachable")


class Part:
    """The beginning of a file on disk, and which version of the file it is of."""

    def __init__(self, path: Path) -> None:
        self.path, self.version = path, Validators(None, None)
        path.write_bytes(b"")

    def go_on(self, url: str, known: Validators | None, deadline: float) -> bool:
        """One request for what is still missing; False on 304."""
        have = self.path.stat().st_size
        headers = {"User-Agent": "marquee", "Accept-Encoding": "identity"}
        if have and self.version.condition:
            headers |= {"Range": f"bytes={have}-", "If-Range": self.version.condition}
        elif known and known.etag:
            headers["If-None-Match"] = known.etag
        elif known and known.last_modified:
            headers["If-Modified-Since"] = known.last_modified
        wait = (CONNECT_SECONDS, SILENCE_SECONDS)
        with translate_errors(), requests.get(url, headers=headers, stream=True, timeout=wait, allow_redirects=False) as answer:
            if answer.status_code == 304 and known:
                return False
            self._take(answer, have, deadline)
        return True

    def _take(self, answer: requests.Response, have: int, deadline: float) -> None:
        check_status(answer)
        version = Validators(answer.headers.get("ETag"), answer.headers.get("Last-Modified"))
        continued = answer.status_code == 206
        if not continued:
            self.version = version
        elif version.etag != self.version.etag or not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            self.version = Validators(None, None)
            raise Interrupted("the rest that was sent does not fit the beginning; starting again")
        length = answer.headers.get("Content-Length")
        whole = None if length is None else int(length) + (have if continued else 0)
        if whole is not None and whole > LARGEST_BYTES:
            raise BadInput(f"{answer.url} is {whole} bytes long; no IMDb file is longer than {LARGEST_BYTES}")
        with self.path.open("ab" if continued else "wb") as file:
            # read1 returns what has come, so that a trickling server meets the deadline; the bytes stay gzip.
            while piece := answer.raw.read1(PIECE_BYTES, decode_content=False):
                file.write(piece)
                if file.tell() > LARGEST_BYTES:
                    raise BadInput(f"{answer.url} goes on after {LARGEST_BYTES} bytes; no IMDb file is longer")
                if time.monotonic() > deadline:
                    raise Interrupted(f"{file.tell()} bytes came in {DEADLINE_SECONDS} s")
        size = self.path.stat().st_size
        if whole is not None and size != whole:
            raise Interrupted(f"cut after {size} of {whole} bytes")


def check_status(answer: requests.Response) -> None:
    status, url = answer.status_code, answer.url
    if status in (200, 206):
        return
    if status in (401, 403):
        raise AccessDenied(f"IMDB_BASE_URL: {url} answers {status}")
    if status in (408, 416, 425, 429) or status >= 500:
        raise Interrupted(f"answers {status}", read_retry_after(answer.headers.get("Retry-After")))
    target = f" and points to {answer.headers['Location']}" if "Location" in answer.headers else ""
    raise BadSetting(f"IMDB_BASE_URL: {url} answers {status}{target}")


def backoff(attempt: int) -> float:
    return random.uniform(0.5, 1) * float(2 ** (attempt - 1))  # noqa: S311  # spreads retries, guards nothing


@contextmanager
def translate_errors() -> Iterator[None]:
    try:
        yield
    except (InvalidSchema, InvalidURL, MissingSchema) as error:
        raise BadSetting(f"IMDB_BASE_URL: {error}") from error
    except (requests.RequestException, HTTPError) as error:
        raise Interrupted(str(error)) from error
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise Unavailable(f"no room on the disk for IMDb's files; TMPDIR may name another: {error}") from error
