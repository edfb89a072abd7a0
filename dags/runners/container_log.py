"""The output of a task's container as whole lines, read on when the connection to the engine is cut."""

import struct
import time
from codecs import getincrementaldecoder
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator

import requests
import urllib3
from airflow.sdk.exceptions import AirflowException
from docker import APIClient
from docker.errors import NotFound

Frame = tuple[bytes | None, bytes | None]
"""A chunk of stdout or a chunk of stderr."""

LINE_MAX = 64 * 1024**2
"""Characters. A longer line is written in pieces, so that output without line ends cannot fill the worker's memory."""
OVERLAP_SECONDS = 5
"""After a cut, output is read again from this long before the last chunk; lines that were written already are skipped."""
RECENT_LINES = 10_000
"""Number of written lines that are remembered for this."""
ENDING_SECONDS = 2
"""Time that the engine may take to report that a container has ended, after it has ended the stream of its output."""
CUTS = (OSError, struct.error, requests.RequestException, urllib3.exceptions.HTTPError)
"""Errors of a stream that was cut, in the middle of a chunk or between two."""


class LineSplitter:
    """Joins the chunks of one stream into lines; a character may be cut between two chunks."""

    def __init__(self) -> None:
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self._parts: list[str] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[str]:
        """Yield the lines that this chunk completes."""
        *ends, rest = self._decoder.decode(chunk).split("\n")
        for end in ends:
            self._parts.append(end)
            yield self._take()
        self._parts.append(rest)
        self._size += len(rest)
        if self._size >= LINE_MAX:
            yield self._take()

    def finish(self) -> Iterator[str]:
        """Yield the last line, if the stream did not end with a line end."""
        self._parts.append(self._decoder.decode(b"", final=True))
        if line := self._take():
            yield line

    def _take(self) -> str:
        line = "".join(self._parts).rstrip()
        self._parts, self._size = [], 0
        return line


class ContainerLog:
    """Copies the output of one container line by line, each line once."""

    def __init__(self, engine: APIClient, container: str, write: Callable[[str], object]) -> None:
        self._engine, self._container, self._write = engine, container, write
        self._recent: deque[int] = deque(maxlen=RECENT_LINES)
        self._last_chunk = time.time()

    def copy(self, frames: Iterable[Frame]) -> None:
        """Copy until the container has ended. Raise AirflowException if it was removed before."""
        repeated: Counter[int] = Counter()
        while True:
            splitters = LineSplitter(), LineSplitter()
            try:
                self._copy_frames(frames, splitters, repeated)
                cut = self._is_running()
                if not cut:
                    break
            except CUTS:
                cut = True
            self._write("the connection to the Docker engine was cut; reading the task's output on")
            repeated = Counter(self._recent)
            frames = self._read_again()
        for splitter in splitters:
            for line in splitter.finish():
                self._write(line)

    def _copy_frames(self, frames: Iterable[Frame], splitters: tuple[LineSplitter, LineSplitter], repeated: Counter[int]) -> None:
        for frame in frames:
            self._last_chunk = time.time()
            for splitter, chunk in zip(splitters, frame, strict=True):
                for line in splitter.feed(chunk or b""):
                    self._write_once(line, repeated)

    def _write_once(self, line: str, repeated: Counter[int]) -> None:
        """Write a line unless it is one of the first after a cut that were written before it."""
        key = hash(line)
        if repeated[key] > 0:
            repeated[key] -= 1
            return
        repeated.clear()
        self._recent.append(key)
        self._write(line)

    def _is_running(self) -> bool:
        deadline = time.monotonic() + ENDING_SECONDS
        while self._inspect()["State"]["Running"]:
            if time.monotonic() > deadline:
                return True
            time.sleep(0.1)
        return False

    def _inspect(self) -> dict[str, dict[str, object]]:
        try:
            described: dict[str, dict[str, object]] = self._engine.inspect_container(self._container)
        except NotFound:
            raise container_is_gone(self._container) from None
        return described

    def _read_again(self) -> Iterator[Frame]:
        """Return the output from shortly before the cut on, as the engine has stored it.

        Stored output is less exact than the attached stream: stdout and stderr are not told apart, and in a line of more than
        16 KiB the engine replaces a character that lies on the boundary of two of its pieces.
        """
        since = int(self._last_chunk - OVERLAP_SECONDS)
        try:
            chunks = self._engine.logs(self._container, stream=True, follow=True, since=since)
        except NotFound:
            raise container_is_gone(self._container) from None
        return ((chunk, None) for chunk in chunks)


def container_is_gone(container: str) -> AirflowException:
    return AirflowException(f"container {container[:12]} is gone: it was removed while its task ran")
