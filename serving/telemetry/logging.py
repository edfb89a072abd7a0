"""Log lines on stdout: JSON, one object on each line, in the common shape of our services; text on a terminal."""

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from serving.telemetry.log_writer import LogWriter

SERVICE = "api"
"""Value of the field `service` in our lines."""
NO_FIELDS: Mapping[str, Any] = {}


class JsonFormatter(logging.Formatter):
    """A formatter that writes a record as JSON; tests/log_shape.py describes the shape."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, with the fields of the argument `extra={"fields": …}` and the traceback."""
        line: dict[str, Any] = {
            "@timestamp": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "service": SERVICE,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", NO_FIELDS),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line, option=orjson.OPT_UTC_Z).decode()


class LineHandler(logging.Handler):
    """A handler that passes records to the access log's writer, so that logging cannot block the event loop."""

    def __init__(self, writer: LogWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            self._writer.add(self.format(record).encode() + b"\n")
        except Exception:  # noqa: BLE001  # as every handler does: report a faulty message on stderr and continue
            self.handleError(record)

    def flush(self) -> None:
        """Wait for the writer; logging.shutdown calls this when Python ends."""
        self._writer.flush()


def log_to_stdout() -> LogWriter:
    """Send every logger of the process to stdout; uvicorn's access log stays off, since AccessLog writes more."""
    writer = LogWriter(sys.stdout.buffer)
    handler = LineHandler(writer)
    handler.setFormatter(
        logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S") if writer.is_terminal else JsonFormatter()
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    return writer
