"""A splitter of output chunks into lines."""

from codecs import getincrementaldecoder
from collections.abc import Iterator

LINE_MAX = 64 * 1024**2
"""Characters. A longer line is written in pieces, so that output without line ends cannot fill the worker's memory."""


class LineSplitter:
    """A splitter of one stream of UTF-8 chunks into lines. A character may be divided between two chunks."""

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
