"""Tests that a task's log is read as a stream and shown as its messages."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import requests

from infra.cli.airflow_client import MAX_LINE, AirflowClient
from infra.platform.endpoints import local_endpoints
from infra.platform.secrets import Secrets
from infra.platform.settings import Settings

TASK = {"task_id": "ingest_imdb", "try_number": 1, "map_index": -1}


class Session(requests.Session):
    """Answers every request with these entries of a log."""

    def __init__(self, entries: list[dict[str, Any]], status: int = 200) -> None:
        super().__init__()
        self.headers["Authorization"] = "Bearer token"
        self.entries, self.status = entries, status
        self.asked: dict[str, Any] = {}

    def request(self, *words: Any, **options: Any) -> requests.Response:
        self.asked = options
        answer = requests.Response()
        answer.status_code = self.status
        answer.raw = io.BytesIO(b"".join(json.dumps(entry).encode() + b"\n" for entry in self.entries))
        return answer


def read(entries: list[dict[str, Any]], lines: int = 3, status: int = 200) -> tuple[list[str], dict[str, Any]]:
    session = Session(entries, status)
    endpoints = local_endpoints(Settings(_env_file=None), Secrets(Path("unused")))
    return AirflowClient(endpoints, session).read_log("refresh_movies", "r1", TASK, lines), session.asked


def event(text: str) -> dict[str, Any]:
    return {"timestamp": "2026-11-26T03:00:00Z", "event": text}


def test_the_log_is_streamed_and_not_asked_for_as_one_document() -> None:
    _, asked = read([event("one")])
    assert asked["stream"] is True
    assert asked["headers"]["Accept"] == "application/x-ndjson"


def test_the_last_messages_are_returned() -> None:
    entries = [event(f"line {number}") for number in range(1000)]
    assert read(entries)[0] == ["line 997", "line 998", "line 999"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"@timestamp": "2026-11-26T03:00:00Z", "level": "INFO", "message": "IMDb: 5 of 9 files"}', "IMDb: 5 of 9 files"),
        ("plain text of another program", "plain text of another program"),
        ('{"other": 1}', '{"other": 1}'),
        ("[1, 2]", "[1, 2]"),
        ('{"message": "cut', '{"message": "cut'),
    ],
)
def test_json_lines_show_their_message_and_other_lines_are_unchanged(text: str, shown: str) -> None:
    assert read([event(text)])[0] == [shown]


def test_errors_follow_their_message_and_markers_of_groups_are_left_out() -> None:
    error = {"exc_type": "ValueError", "exc_value": "wrong"}
    entries = [event("::group::Log message source details"), event(""), {**event("failed"), "error_detail": [error]}]
    assert read(entries)[0] == ["failed", "ValueError: wrong"]


def test_a_very_long_line_is_cut() -> None:
    assert read([event("x" * 5_000_000)])[0] == ["x" * MAX_LINE]


def test_a_missing_log_is_empty() -> None:
    assert read([event("Not Found")], status=404)[0] == []
