"""The access log: JSON lines, those of one turn of the event loop in one write."""

import asyncio
import time
from typing import BinaryIO

import orjson
from prometheus_client import Counter
from starlette.types import Scope

from serving.web.guard import address_of


class AccessLog:
    """Writes to a file that may be a pipe or on a full disk: a failure costs lines, counted, and never an answer."""

    def __init__(self, file: BinaryIO, dropped: Counter) -> None:
        self._file, self._dropped = file, dropped
        self._lines: list[bytes] = []

    def add(self, scope: Scope, status: int, seconds: float) -> None:
        """Note one answered request."""
        line = {
            "time": int(time.time() * 1000) / 1000,  # `round` to decimals goes through text: 1 us an answer
            "level": "INFO",
            "logger": "serving.access",
            "request_id": scope["request_id"],
            "method": scope["method"],
            "path": scope["path"][:200],
            "query": scope["query_string"][:200].decode("latin-1"),
            "status": status,
            "outcome": scope.get("outcome"),
            "client": scope.get("client_name") or address_of(scope),
            "ms": int(seconds * 1e6) / 1000,
        }
        if not self._lines:
            asyncio.get_running_loop().call_soon(self.flush)
        self._lines.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def flush(self) -> None:
        """Write what was noted."""
        lines, self._lines = self._lines, []
        try:
            self._file.write(b"".join(lines))
            self._file.flush()
        except OSError:
            self._dropped.inc(len(lines))
