"""A reader of a container's output: yields complete lines, and continues after a lost connection to the engine."""

import struct
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator

import requests
import urllib3
from airflow.sdk.exceptions import AirflowException
from docker import APIClient
from docker.errors import NotFound

from dags.runners.line_splitter import LineSplitter

Frame = tuple[bytes | None, bytes | None]
"""A chunk of stdout or a chunk of stderr."""

OVERLAP_SECONDS = 5
"""After a lost connection, output is read again from this long before the last chunk; lines already written are skipped."""
RECENT_LINES = 10_000
"""Number of written lines to remember, so that repeated ones can be skipped."""
ENDING_SECONDS = 2
"""Time that the engine may need, after the end of a container's output, to report that the container has ended."""
REREAD_SECONDS = 0.5
"""Pause before the stored output is read again, if a read ended before the container did."""
CUTS = (OSError, struct.error, requests.RequestException, urllib3.exceptions.HTTPError)
"""Errors of a lost connection, within a chunk or between two chunks."""


Splitters = tuple[LineSplitter, LineSplitter]
"""The splitter of stdout and the splitter of stderr."""


class ContainerLog:
    """A copier of one container's output, which writes each line once."""

    def __init__(self, engine: APIClient, container: str, write: Callable[[str], object]) -> None:
        self._engine, self._container, self._write = engine, container, write
        self._recent: deque[tuple[float, int]] = deque(maxlen=RECENT_LINES)
        self._last_chunk = time.time()

    def copy(self, frames: Iterable[Frame]) -> None:
        """Copy the attached stream until the container has ended; after a lost connection, copy the stored output.

        Raise AirflowException if the container is removed before it ends.
        """
        splitters = self._copy_frames(frames, Counter())
        if splitters is None or self._is_running():
            self._write("the connection to the Docker engine was cut; reading the task's output on")
            splitters = self._copy_stored_output()
        for splitter in splitters:
            for line in splitter.finish():
                self._write(line)

    def _copy_stored_output(self) -> Splitters:
        """Read until one read began after the container had ended. A read that began earlier may miss the last lines."""
        while True:
            running = self._inspect()["State"]["Running"]
            splitters = self._copy_frames(self._read_stored(follow=bool(running)), self._find_repeated())
            if splitters and not running:
                return splitters
            time.sleep(REREAD_SECONDS)

    def _copy_frames(self, frames: Iterable[Frame], repeated: Counter[int]) -> Splitters | None:
        """Copy the lines of a stream. Return the splitters with the unfinished lines, or None if the connection was lost."""
        splitters = LineSplitter(), LineSplitter()
        try:
            for frame in frames:
                self._last_chunk = time.time()
                for splitter, chunk in zip(splitters, frame, strict=True):
                    for line in splitter.feed(chunk or b""):
                        self._write_once(line, repeated)
        except CUTS:
            return None
        return splitters

    def _write_once(self, line: str, repeated: Counter[int]) -> None:
        """Write a line unless it repeats one that was written before the connection was lost."""
        key = hash(line.encode("ascii", "ignore"))  # the engine may have replaced other characters, see _read_stored
        if repeated[key] > 0:
            repeated[key] -= 1
            return
        repeated.clear()
        self._recent.append((self._last_chunk, key))
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

    def _find_repeated(self) -> Counter[int]:
        """Return the hashes of the written lines that the stored output will repeat."""
        start = self._last_chunk - OVERLAP_SECONDS - 1  # the engine's times are whole seconds here
        return Counter(key for written, key in self._recent if written >= start)

    def _read_stored(self, *, follow: bool) -> Iterator[Frame]:
        """Return the engine's stored output, beginning shortly before the connection was lost.

        Stored output is less exact than the attached stream: stdout and stderr are mixed, and in a line of more than 16 KiB
        the engine replaces a character that lies on the boundary of two pieces.
        """
        since = int(self._last_chunk - OVERLAP_SECONDS)
        try:
            chunks = self._engine.logs(self._container, stream=True, follow=follow, since=since)
        except NotFound:
            raise container_is_gone(self._container) from None
        return ((chunk, None) for chunk in chunks)


def container_is_gone(container: str) -> AirflowException:
    return AirflowException(f"container {container[:12]} is gone: it was removed while its task ran")
