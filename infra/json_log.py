"""Logging of the platform's own small servers: JSON in the format that all services share, or text on a terminal."""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

LogFields = Mapping[str, str | int]
"""Fields of a line beside its message; a logging call passes them as `extra={"fields": …}`."""
NO_FIELDS: LogFields = {}


class JsonFormatter(logging.Formatter):
    """A formatter that writes a record as one line of JSON; tests/log_shape.py describes the format."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record; its traceback becomes a field."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds")
        line: dict[str, Any] = {
            "@timestamp": time.replace("+00:00", "Z"),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
            **read_fields(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class TextFormatter(logging.Formatter):
    """A formatter that writes a record as readable text, with its fields at the end."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, followed by its traceback if it has one."""
        return " ".join([super().format(record), *(f"{name}={value}" for name, value in read_fields(record).items())])


def read_fields(record: logging.LogRecord) -> LogFields:
    """Return the fields that the logging call passed."""
    fields: LogFields = getattr(record, "fields", NO_FIELDS)
    return fields


def start_log(service: str) -> None:
    """Write all records of level INFO and above to stdout: as text if stdout is a terminal, else as JSON."""
    text = TextFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(text if sys.stdout.isatty() else JsonFormatter(service))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
