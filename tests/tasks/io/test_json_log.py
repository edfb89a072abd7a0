"""The lines that a task logs: the shape of all services, with the attempt on every line."""

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from tasks.io.json_log import parse_attempt, start_log
from tasks.io.progress import Progress
from tests.log_shape import check_line

ATTEMPT = {"dag_id": "refresh_movies", "run_id": "manual__2026-11-22T03:00:00+00:00", "task_id": "ingest_imdb", "try": 2}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, ours = list(root.handlers), root.level, logging.getLogger("tasks").level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("tasks").setLevel(ours)
    logging.captureWarnings(False)


def lines_of(stream: io.StringIO) -> list[dict[str, Any]]:
    return [check_line(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_the_shape_the_verb_and_the_attempt() -> None:
    stream = io.StringIO()
    start_log(stream, {"verb": "ingest_imdb", **ATTEMPT})
    logging.getLogger("tasks.imdb").info("%s: “%d” rows\nand a second line", "movie", 3)
    logging.getLogger("a_library").info("not shown")
    logging.getLogger("a_library").warning("shown")
    first, second = lines_of(stream)
    assert first == first | ATTEMPT | {"verb": "ingest_imdb", "service": "tasks", "level": "INFO", "logger": "tasks.imdb"}
    assert first["message"] == "movie: “3” rows\nand a second line"
    assert (second["message"], second["try"]) == ("shown", 2)


def test_a_traceback_is_a_field_of_its_line() -> None:
    stream = io.StringIO()
    start_log(stream, {"verb": "ingest_imdb"})
    try:
        raise RuntimeError("a cause")  # noqa: TRY301  # the traceback must be of this file
    except RuntimeError:
        logging.getLogger("tasks").exception("a fault")
    (line,) = lines_of(stream)
    assert line["message"] == "a fault"
    assert "RuntimeError: a cause" in line["traceback"]


def test_progress_is_a_field_with_numbers() -> None:
    stream = io.StringIO()
    start_log(stream, {})
    progress = Progress("movie", 10)
    progress.advance(4)
    progress.finish()
    (line,) = lines_of(stream)
    assert line["progress"] == {"what": "movie", "done": 4, "total": 10}


def test_a_terminal_gets_text_with_the_time_in_utc() -> None:
    stream = Terminal()
    start_log(stream, ATTEMPT)
    record = logging.makeLogRecord({"name": "tasks", "levelno": 20, "levelname": "INFO", "msg": "done", "created": 1795667123.0})
    logging.getLogger("tasks").handle(record)
    assert stream.getvalue() == "2026-11-26T04:25:23Z INFO tasks: done\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("refresh_movies/manual__2026-11-22T03:00:00+00:00/ingest_imdb/2", ATTEMPT),
        ("dag/a/run/task/1", {"dag_id": "dag", "run_id": "a/run", "task_id": "task", "try": 1}),
        (None, {}),
        ("", {}),
        ("dag/run/task", {}),
        ("dag/run/task/x", {}),
        ("dag/run/task/0", {}),
        ("dag//task/1", {}),
    ],
)
def test_the_attempt_is_read_from_its_variable(text: str | None, expected: dict[str, object]) -> None:
    assert parse_attempt(text) == expected
