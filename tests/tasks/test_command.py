"""The end of a verb: its exit code and its last log line."""

import io
import logging
import os
from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest

from tasks.command import choose_day, parse_and_run, run_and_map_errors
from tasks.core.errors import BadInput, WrongDay
from tasks.io import world
from tasks.io.json_log import start_log
from tasks.settings import Settings
from tests.clocks import clock_at, every_clock, every_zone
from tests.log_shape import check_line

REQUIRED = {name.upper(): "x" for name, field in Settings.model_fields.items() if field.is_required()}


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    start_log(stream, {"verb": "replay"})
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def test_an_understood_error_is_one_line_and_its_exit_code(stream: io.StringIO) -> None:
    def run(_: Settings) -> None:
        raise BadInput("the file is empty")

    assert run_and_map_errors(run) == os.EX_DATAERR
    line = check_line(stream.getvalue())
    assert (line["level"], line["message"]) == ("ERROR", "BadInput: the file is empty")
    assert "traceback" not in line


def test_any_other_error_is_one_line_with_its_traceback(stream: io.StringIO) -> None:
    def run(_: Settings) -> None:
        raise ZeroDivisionError("in our code")

    assert run_and_map_errors(run) == 1
    assert "ZeroDivisionError: in our code" in check_line(stream.getvalue())["traceback"]


def test_each_wrong_setting_is_one_line(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    monkeypatch.setenv("SKEW_MAX_SHARE", "2")
    assert run_and_map_errors(lambda _: None) == os.EX_CONFIG
    messages = [check_line(line)["message"] for line in stream.getvalue().splitlines()]
    assert [message.split(":")[0] for message in messages] == ["setting SKEW_MAX_SHARE", "setting MLFLOW_TRACKING_URI"]


def test_a_verb_that_ends_well(stream: io.StringIO) -> None:
    assert run_and_map_errors(lambda _: None) == os.EX_OK
    assert stream.getvalue() == ""


@every_zone
@every_clock
def test_the_day_of_a_command_line_is_that_of_utc(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, clock: datetime, zone: str
) -> None:
    days: list[date] = []

    def run(settings: Settings, day: date | None, due: bool) -> None:
        days.append(choose_day(settings, day, due))

    monkeypatch.setattr("sys.argv", ["build_features"])
    with clock_at(clock, zone, world), pytest.raises(SystemExit, match="0"):
        parse_and_run(run, None, {}, {})
    assert days == [date(2026, 11, 26)]


@every_zone
@every_clock
def test_a_day_after_that_of_utc_is_in_the_future(stream: io.StringIO, clock: datetime, zone: str) -> None:
    settings = Settings()
    with clock_at(clock, zone, world):
        for day in (clock.date(), clock.date() - timedelta(days=1)):
            assert choose_day(settings, day, due=True) == choose_day(settings, day, due=False) == day
        with pytest.raises(WrongDay, match="2026-11-27 is in the future"):
            choose_day(settings, date(2026, 11, 27), due=False)
