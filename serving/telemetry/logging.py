"""Logs as JSON lines on stdout, one object a line, for people with jq and for collectors."""

import logging
import sys

import orjson

from serving.telemetry.log_writer import LogWriter


class JsonFormatter(logging.Formatter):
    """Time, level, logger, message, and the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": round(record.created, 3),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line).decode()


class LineHandler(logging.Handler):
    """Hands records to the writer that the access log goes through too, so that no logging of the event loop's can block it."""

    def __init__(self, writer: LogWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._writer.add(self.format(record).encode() + b"\n")
        except Exception:  # noqa: BLE001  # as every handler does: a faulty message is told of on stderr, and stops nobody
            self.handleError(record)

    def flush(self) -> None:
        """Called by logging.shutdown, which Python calls at its end."""
        self._writer.flush()


def log_to_stdout() -> LogWriter:
    """Send every logger of the process there; uvicorn's access log stays off, since `door` writes a better one."""
    writer = LogWriter(sys.stdout.buffer)
    handler = LineHandler(writer)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    return writer
