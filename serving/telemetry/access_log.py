"""The access log: one line for each answer, in the common shape of our log lines (tests/log_shape.py)."""

from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.types import Scope

from serving.access.policy import address_of
from serving.telemetry.log_writer import LogWriter
from serving.telemetry.logging import SERVICE

LOGGER, MESSAGE = "serving.access", "request answered"
"""The message is the same in each line: method, path and status have their own fields, and a text of them would cost time."""
MAX_CHARACTERS = 200
"""Maximum length of the path in a line, and also of the query."""
SHARED_FIELDS = ("prediction_id", "deployment")
"""Fields that a route may set in the scope."""


class AccessLog:
    """The access log. Lines that cannot be written are dropped and counted; an answer never fails because of them."""

    def __init__(self, writer: LogWriter) -> None:
        self._writer = writer
        self._encode = encode_text if writer.is_terminal else encode_json

    def add(self, scope: Scope, status: int, seconds: float) -> None:
        """Write the line of one request. seconds: the time to answer."""
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
            "ms": int(seconds * 1e6) / 1000,  # `round` to decimals is slower, because it goes through text
        }
        for name in SHARED_FIELDS:
            if name in scope:
                line[name] = scope[name]
        self._writer.add(self._encode(line))


def encode_json(line: dict[str, Any]) -> bytes:
    """Return the line as JSON; the time is UTC and ends with Z."""
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z)


def encode_text(line: dict[str, Any]) -> bytes:
    """Return the line as text for a terminal; control characters are escaped."""
    query = f"?{line['query']}" if line["query"] else ""
    text = f"{line['method']} {line['path']}{query} {line['status']} {line['outcome'] or '-'} {line['ms']} ms {line['client']}"
    return f"{line['@timestamp']:%H:%M:%S} {text.encode('unicode_escape').decode()}\n".encode()
