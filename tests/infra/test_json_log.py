"""The log lines of the small servers: JSON in the shape of all services, or text where a person reads them."""

import logging
from typing import Any

import pytest

from infra.json_log import JsonFormatter, TextFormatter, start_log
from tests.log_shape import check_line


def make_record(message: str, *values: object, error: BaseException | None = None, **options: Any) -> logging.LogRecord:
    info = (type(error), error, None) if error else None
    record = logging.LogRecord("docker_filter", logging.WARNING, "server.py", 1, message, values, info)
    vars(record).update(options)
    return record


def test_a_line_has_the_shape_of_all_services() -> None:
    record = make_record("%d for %s\n2026 forged", 403, "GET /é", fields={"dag_id": "refresh_movies", "try": 2})
    line = check_line(JsonFormatter("docker_filter").format(record))
    assert line["message"] == "403 for GET /é\n2026 forged"
    assert (line["service"], line["level"], line["dag_id"], line["try"]) == ("docker_filter", "WARNING", "refresh_movies", 2)


def test_a_traceback_is_a_field_of_its_line() -> None:
    line = check_line(JsonFormatter("sources").format(make_record("it failed", error=ValueError("seven"))))
    assert "ValueError: seven" in line["traceback"]


def test_on_a_terminal_a_line_is_text() -> None:
    record = make_record("403 for %s", "GET /", fields={"dag_id": "refresh_movies", "try": 2})
    assert TextFormatter("%(levelname)s %(message)s").format(record) == "WARNING 403 for GET / dag_id=refresh_movies try=2"


@pytest.mark.parametrize(("terminal", "formatter"), [(True, TextFormatter), (False, JsonFormatter)])
def test_the_output_decides_between_text_and_json(monkeypatch: pytest.MonkeyPatch, terminal: bool, formatter: type) -> None:
    handlers: list[logging.Handler] = []
    monkeypatch.setattr(logging, "basicConfig", lambda **options: handlers.extend(options["handlers"]))
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    start_log("sources")
    assert isinstance(handlers[0].formatter, formatter)
