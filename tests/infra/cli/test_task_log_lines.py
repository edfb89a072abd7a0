"""A task's log line as a person reads it in the command's progress and in the end of a failed task's log."""

import json

import pytest

from infra.cli.airflow_client import render_event

LINE = {
    "@timestamp": "2026-11-22T03:00:00.000000Z",
    "level": "INFO",
    "service": "tasks",
    "message": "movie: 5 of 9 rows",
}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (json.dumps(LINE), ["movie: 5 of 9 rows"]),
        (json.dumps(LINE | {"progress": {"what": "movie", "done": 1500, "total": 9000}}), ["movie: 1,500 of 9,000 rows"]),
        (json.dumps(LINE | {"progress": {"what": "movie", "done": 5, "total": None}}), ["movie: 5 of 9 rows"]),
        (json.dumps(LINE | {"traceback": "Traceback:\n  a.py"}), ["movie: 5 of 9 rows", "Traceback:", "  a.py"]),
        ("Running command: python -m tasks.x", ["Running command: python -m tasks.x"]),
        ('{"not": "ours"}', ['{"not": "ours"}']),
        ("17", ["17"]),
    ],
)
def test_a_line_is_shown_by_its_message_or_its_progress(event: str, expected: list[str]) -> None:
    assert render_event(event) == expected
