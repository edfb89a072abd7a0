"""The access log: one line for each answer, in the shape of all our log lines (tests/log_shape.py)."""

from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.types import Scope

from serving.access.policy import address_of
from serving.telemetry.log_writer import LogWriter
from serving.telemetry.logging import SERVICE

LOGGER, MESSAGE = "serving.access", "request answered"
"""The same in each line: method, path and status have fields of their own, and putting them together again would cost time."""
MAX_CHARACTERS = 200
"""Of the path, and again of the query, that a line repeats."""
SHARED_FIELDS = ("prediction_id", "deployment")
"""Fields that a route may put into the scope; an answer without a prediction has neither."""


class AccessLog:
    """Makes the lines; a failure to write them costs lines, which are counted, and never an answer."""

    def __init__(self, writer: LogWriter) -> None:
        self._writer = writer
        self._encode = encode_text if writer.is_terminal else encode_json

    def add(self, scope: Scope, status: int, seconds: float) -> None:
        """Write the line of one answered request. seconds: the time to answer."""
        line = {
            "@timestamp": datetime.now(UTC),
            "level": "INFO",
            "service": SERVICE,
            "logger": LOGGER,
            "message": MESSAGE,
            "request_id": scope["request_id"],
            "method": scope["method"],
            "path": scope["path"][:MAX_CHARACTERS],
            "query": scope["query_string"][:MAX_CHARACTERS].decode("latin-1"),
            "status": status,
            "outcome": scope.get("outcome"),
            "client": scope.get("client_name") or address_of(scope),
            "ms": int(seconds * 1e6) / 1000,  # `round` to decimals goes through text
        }
        for name in SHARED_FIELDS:
            if name in scope:
                line[name] = scope[name]
        self._writer.add(self._encode(line))


def encode_json(line: dict[str, Any]) -> bytes:
    """Return the line as JSON, the time in UTC with a final Z."""
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z)


def encode_text(line: dict[str, Any]) -> bytes:
    """Return the line for a person at a terminal; control characters of the query are escaped."""
    query = f"?{line['query']}" if line["query"] else ""
    text = f"{line['method']} {line['path']}{query} {line['status']} {line['outcome'] or '-'} {line['ms']} ms {line['client']}"
    return f"{line['@timestamp']:%H:%M:%S} {text.encode('unicode_escape').decode()}\n".encode()
