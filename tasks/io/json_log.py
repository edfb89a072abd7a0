"""Log lines of a task: JSON in the shape that all services share, or text on a terminal."""

import json
import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

LogFields = Mapping[str, Any]
"""Fields of a line beside its message; a logging call passes them as `extra={"fields": …}`."""
NO_FIELDS: LogFields = {}


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON; tests/log_shape.py describes the shape."""

    def __init__(self, context: LogFields) -> None:
        """Take the fields of every line: the verb and the attempt."""
        super().__init__()
        self._context = context

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record; a traceback becomes one of its fields."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds")
        line: dict[str, Any] = {
            "@timestamp": moment.replace("+00:00", "Z"),
            "level": record.levelname,
            "message": record.getMessage() or record.levelname,
            "service": "tasks",
            "logger": record.name,
            **self._context,
            **getattr(record, "fields", NO_FIELDS),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def parse_attempt(text: str | None) -> dict[str, str | int]:
    """Return the fields of TASK_ATTEMPT, dag/run/task/try; none for a verb that a person started, or for another text."""
    parts = (text or "").split("/")
    if len(parts) < 4 or not all(parts) or not parts[-1].isdecimal() or not int(parts[-1]):
        return {}
    # Only a run's id may contain a slash.
    return {"dag_id": parts[0], "run_id": "/".join(parts[1:-2]), "task_id": parts[-2], "try": int(parts[-1])}


def start_log(stream: TextIO, context: LogFields) -> None:
    """Send our records from INFO on, and those of the libraries from WARNING on, to the stream: as text if it is a terminal."""
    text = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    text.converter = time.gmtime
    handler = logging.StreamHandler(stream)
    handler.setFormatter(text if stream.isatty() else JsonFormatter(context))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(True)
    logging.getLogger("tasks").setLevel(logging.INFO)
