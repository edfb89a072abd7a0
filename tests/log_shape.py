"""The one shape of a JSON log line of the platform's own processes, written down once and checked by the tests of each service.

The field names are Elasticsearch's and Loki's habits: `@timestamp` is the field that Kibana sorts by, `level` is the one that
Grafana colours. A line that is not about a request, a deployment or a task leaves the fields of that subject out.
"""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

SERVICES = frozenset({"api", "tasks", "docker_filter", "sources", "feast_ui", "setup"})
"""Values of `service`: the API, a task, the filter in front of the Docker socket, the server of the synthetic sample, the
watcher of the Feast UI, the setup of a platform in containers."""
LEVELS = frozenset({"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"})
"""Values of `level`: the names of Python's logging module."""
_FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_UTC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")


def is_utc_time(value: object) -> bool:
    """Return true for a time as RFC 3339 writes it, in UTC with a final Z: 2026-11-26T04:25:23.123456Z."""
    if not isinstance(value, str) or not _UTC_TIME.fullmatch(value):
        return False
    return datetime.fromisoformat(value).utcoffset() == timedelta(0)


def is_text(value: object) -> bool:
    """Return true for text with at least one character."""
    return isinstance(value, str) and value != ""


def is_count(value: object) -> bool:
    """Return true for a whole number from 1 on."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


REQUIRED: dict[str, Callable[[object], bool]] = {
    "@timestamp": is_utc_time,
    "level": lambda value: value in LEVELS,
    "service": lambda value: value in SERVICES,
    "message": is_text,
}
"""Fields of every line."""
OPTIONAL: dict[str, Callable[[object], bool]] = {
    "logger": is_text,
    "traceback": is_text,
    "request_id": is_text,
    "prediction_id": is_text,
    "deployment": is_count,
    "dag_id": is_text,
    "run_id": is_text,
    "task_id": is_text,
    "try": is_count,
}
"""Fields that several services share: the same name always has the same meaning and type. A service may add fields of its own."""


def check_line(line: str | bytes) -> dict[str, Any]:
    """Return the fields of one log line without or with its line end; raise AssertionError unless it has the shape."""
    text = line.decode() if isinstance(line, bytes) else line
    assert "\n" not in text.removesuffix("\n"), f"more than one line: {text!r}"
    fields = json.loads(text, object_pairs_hook=make_object)
    assert isinstance(fields, dict), f"not a JSON object: {text!r}"
    check_fields(fields)
    return fields


def check_fields(fields: dict[str, Any]) -> None:
    """Raise AssertionError unless these are the fields of a log line."""
    for name, is_valid in REQUIRED.items():
        assert name in fields, f"{name} is missing: {fields}"
        assert is_valid(fields[name]), f"{name} has the value {fields[name]!r}: {fields}"
    for name, value in fields.items():
        assert name in REQUIRED or _FIELD_NAME.fullmatch(name), f"{name!r} is not a field name in snake case: {fields}"
        assert name not in OPTIONAL or OPTIONAL[name](value), f"{name} has the value {value!r}: {fields}"


def make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; raise AssertionError when a name occurs twice, of which readers keep different ones."""
    fields = dict(pairs)
    assert len(fields) == len(pairs), f"a name occurs twice: {pairs}"
    return fields
