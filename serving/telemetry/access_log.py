"""The access log: one JSON line for each answer."""

import time

import orjson
from starlette.types import Scope

from serving.access.policy import address_of
from serving.telemetry.log_writer import LogWriter


class AccessLog:
    """Makes the lines; a failure to write them costs lines, counted, and never an answer."""

    def __init__(self, writer: LogWriter) -> None:
        self._writer = writer

    def add(self, scope: Scope, status: int, seconds: float) -> None:
        """Note one answered request."""
        line = {
            "time": int(time.time() * 1000) / 1000,  # `round` to decimals goes through text
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
        self._writer.add(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
