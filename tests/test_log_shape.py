"""The check of log lines accepts the shape and rejects each departure from it."""

import json
from typing import Any

import pytest

from tests.log_shape import check_line

LINE: dict[str, Any] = {
    "@timestamp": "2026-11-26T04:25:23.123456Z",
    "level": "INFO",
    "service": "api",
    "message": "GET /predict 200",
}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"@timestamp": "2026-11-26T04:25:23Z"},
        {"logger": "serving.access", "request_id": "a-b", "prediction_id": "0a", "deployment": 17},
        {"service": "tasks", "dag_id": "refresh_movies", "run_id": "manual__1", "task_id": "ingest_imdb", "try": 2},
        {"status": 200, "progress": {"done": 1, "total": 3}, "outcome": None},
    ],
)
def test_a_line_of_the_shape_is_accepted(more: dict[str, Any]) -> None:
    assert check_line(json.dumps(LINE | more)) == LINE | more
    assert check_line(json.dumps(LINE | more).encode() + b"\n") == LINE | more


@pytest.mark.parametrize("missing", list(LINE))
def test_a_line_without_a_required_field_is_rejected(missing: str) -> None:
    with pytest.raises(AssertionError, match=f"{missing} is missing"):
        check_line(json.dumps({name: value for name, value in LINE.items() if name != missing}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"@timestamp": 1795667123.1},
        {"@timestamp": "2026-11-26 04:25:23"},
        {"@timestamp": "2026-11-26T13:25:23+09:00"},
        {"level": "info"},
        {"level": "WARN"},
        {"service": "somebody"},
        {"message": ""},
        {"message": None},
        {"request_id": None},
        {"deployment": "17"},
        {"deployment": True},
        {"try": 0},
        {"camelCase": 1},
        {"with.dots": 1},
    ],
)
def test_a_line_with_another_type_or_name_is_rejected(wrong: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        check_line(json.dumps(LINE | wrong))


@pytest.mark.parametrize(
    "text",
    ["[]", '"text"', json.dumps(LINE) + "\n" + json.dumps(LINE), json.dumps(LINE)[:-1] + ', "level": "INFO"}'],
)
def test_anything_but_one_object_a_line_is_rejected(text: str) -> None:
    with pytest.raises(AssertionError):
        check_line(text)
