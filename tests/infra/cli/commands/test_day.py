"""Tests the days at which `marquee day` runs the pipeline, and that it goes on after an interruption."""

from datetime import date
from types import SimpleNamespace

import pytest
import typer

import infra.cli.commands.day as command
from infra.cli.commands.day import list_stops, parse_target
from infra.platform.errors import StackError

NOW = date(2026, 11, 26)
PLATFORM = SimpleNamespace(
    endpoints=None, settings=SimpleNamespace(sources="sample"), progress=SimpleNamespace(close=lambda: None)
)


@pytest.mark.parametrize(
    ("text", "target"), [("+0", NOW), ("+1", date(2026, 11, 27)), ("+40", date(2027, 1, 5)), ("2026-12-01", date(2026, 12, 1))]
)
def test_a_target_is_a_number_of_days_or_a_date(text: str, target: date) -> None:
    assert parse_target(text, NOW) == target


@pytest.mark.parametrize("text", ["", "soon", "30", "+", "+-1", "+1.5", "-3", "+99999999", "2026-11-25"])
def test_other_texts_and_earlier_days_are_rejected(text: str) -> None:
    with pytest.raises(StackError, match=r"is not a day|does not go back"):
        parse_target(text, NOW)


@pytest.mark.parametrize(
    ("target", "step", "days"),
    [("+3", 1, [27, 28, 29]), ("+4", 2, [28, 30]), ("+3", 2, [28, 29]), ("+3", 3, [29]), ("+0", 1, [26]), ("+0", 0, [26])],
)
def test_the_pipeline_runs_on_every_nth_day_and_on_the_last(target: str, step: int, days: list[int]) -> None:
    assert [stop.day for stop in list_stops(NOW, parse_target(target, NOW), step)] == days


def test_an_interrupted_day_is_the_first_one_again() -> None:
    assert [stop.day for stop in list_stops(NOW, parse_target("+3", NOW), 2, again=True)] == [26, 28, 29]
    assert [stop.day for stop in list_stops(NOW, NOW, 1, again=True)] == [26]


@pytest.mark.parametrize(
    ("whole", "last", "moves"),
    [(True, False, [27, 28]), (False, False, [26, 27, 28]), (False, True, [28])],
    ids=["straight", "interrupted", "interrupted, only the last day"],
)
def test_unfinished_runs_end_before_the_world_moves_and_an_interrupted_day_runs_first(
    monkeypatch: pytest.MonkeyPatch, whole: bool, last: bool, moves: list[int]
) -> None:
    done: list[str] = []
    monkeypatch.setattr(command, "load_platform", lambda: PLATFORM)
    monkeypatch.setattr(command, "call_world", lambda endpoints, method: {"day": f"{NOW}"})
    monkeypatch.setattr(command, "finish_runs", lambda platform, client: done.append("wait"))
    monkeypatch.setattr(command, "has_run_whole", lambda endpoints, client, day: whole and day == NOW)
    monkeypatch.setattr(command, "move_to", lambda platform, client, stop: done.append(f"{stop.day}"))
    command.day("2026-11-28", every=1, last=last)
    assert done == ["wait", *(word for day in moves for word in ("wait", f"{day}"))]


def test_what_stops_it_is_told_with_the_command_that_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise StackError("refresh_movies failed in ingest_imdb")

    said: list[str] = []
    monkeypatch.setattr(command, "load_platform", lambda: PLATFORM)
    monkeypatch.setattr(command, "call_world", lambda endpoints, method: {"day": f"{NOW}"})
    monkeypatch.setattr(command, "say", said.append)
    monkeypatch.setattr(command, "finish_runs", fail)
    with pytest.raises(typer.Exit):
        command.day("+4", every=2, last=False)
    assert "`marquee day 2026-11-30 --every 2` goes on" in said[0]
    assert "refresh_movies failed in ingest_imdb" in capsys.readouterr().err
