"""Log lines of the API: JSON of the shared shape for collectors, text for a person at a terminal."""

import io
import logging
import os
import pty
import sys
from typing import Any

import pytest

from serving.telemetry.access_log import AccessLog
from serving.telemetry.log_writer import LogWriter
from serving.telemetry.logging import JsonFormatter, log_to_stdout
from tests.log_shape import check_line
from tests.serving.log import Log

SCOPE: dict[str, Any] = {
    "request_id": "mine",
    "method": "GET",
    "path": "/predict",
    "query_string": b"movie_id=tt0111161",
    "client": ("127.0.0.1", 4711),
    "outcome": "fresh",
}


def make_record(message: str, **more: Any) -> logging.LogRecord:
    record = logging.LogRecord("serving", logging.WARNING, __file__, 1, message, (), None)
    record.__dict__ |= more
    return record


def test_a_record_has_the_shape() -> None:
    line = check_line(JsonFormatter().format(make_record("no model", fields={"request_id": "mine", "deployment": 17})))
    assert (line["level"], line["service"], line["logger"], line["message"]) == ("WARNING", "api", "serving", "no model")
    assert (line["request_id"], line["deployment"]) == ("mine", 17)


def test_a_traceback_stays_in_one_line() -> None:
    error = RuntimeError("two\nlines")
    record = make_record("failed", exc_info=(type(error), error, None))
    assert "RuntimeError: two\nlines" in check_line(JsonFormatter().format(record))["traceback"]


@pytest.mark.parametrize("more", [{}, {"prediction_id": "0a", "deployment": 17}])
def test_an_answers_line_has_the_shape(more: dict[str, Any]) -> None:
    log = Log()
    AccessLog(log).add(SCOPE | more, 200, 0.0012345)
    (line,) = log.lines
    log.close()
    assert (line["message"], line["request_id"], line["ms"], line["client"]) == ("request answered", "mine", 1.234, "127.0.0.1")
    assert {name: line[name] for name in more} == more
    assert line.keys() & {"prediction_id", "deployment"} == more.keys()


class Terminal(io.BytesIO):
    """A file that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def test_an_answers_line_is_text_on_a_terminal_and_escapes_control_characters() -> None:
    terminal = Terminal()
    writer = LogWriter(terminal)
    AccessLog(writer).add(SCOPE | {"query_string": b"a=\x1b[31m\n"}, 422, 0.001)
    assert writer.flush()
    text = terminal.getvalue()
    writer.close()
    assert text.endswith(b"GET /predict?a=\\x1b[31m\\n 422 fresh 1.0 ms 127.0.0.1\n")


def test_records_are_text_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, terminal = pty.openpty()
    root = logging.getLogger()
    before = root.handlers[:], root.level
    with os.fdopen(reader, "rb", buffering=0) as output, os.fdopen(terminal, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        writer = log_to_stdout()
        logging.getLogger("serving").info("gRPC on port 1")
        assert writer.flush()
        writer.close()
        assert b" INFO gRPC on port 1" in output.read(200)
    root.handlers[:], root.level = before
