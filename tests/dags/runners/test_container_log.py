"""Tests the copy of a container's output: complete lines, each once, even when the connection to the engine is cut."""

import struct
import time
from collections.abc import Iterable, Iterator
from typing import Any, cast

import pytest
import requests
from airflow.sdk.exceptions import AirflowException
from docker import APIClient
from docker.errors import NotFound
from hypothesis import given
from hypothesis import strategies as st

from dags.runners import container_log, line_splitter
from dags.runners.container_log import ContainerLog, Frame
from dags.runners.line_splitter import LineSplitter

CUT_LINE = "the connection to the Docker engine was cut; reading the task's output on"
NOW = 1_800_000_000.0


class FakeEngine:
    """An engine whose container runs until all but the last of its logs have been read; the last is read without following."""

    def __init__(self, *logs: Iterable[bytes]) -> None:
        self.logs_left = list(logs)
        self.since: list[int] = []
        self.gone = False

    def inspect_container(self, _: str) -> dict[str, Any]:
        if self.gone:
            raise NotFound("No such container")
        return {"State": {"Running": len(self.logs_left) > 1}}

    def logs(self, _: str, *, stream: bool, follow: bool, since: int) -> Iterator[bytes]:
        assert stream
        assert follow == (len(self.logs_left) > 1)
        self.since.append(since)
        return iter(self.logs_left.pop(0))


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container_log, "ENDING_SECONDS", 0)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setattr(time, "time", lambda: NOW)


def copy(frames: Iterable[Frame], engine: FakeEngine) -> list[str]:
    lines: list[str] = []
    ContainerLog(cast(APIClient, engine), "0123456789abcdef", lines.append).copy(frames)
    return lines


def cut(frames: Iterable[Frame], error: Exception) -> Iterator[Frame]:
    yield from frames
    raise error


def test_stdout_and_stderr_are_joined_to_lines_each_by_itself() -> None:
    frames: list[Frame] = [(b"one ", None), (None, b"warn"), (b"line\nand", None), (None, b"ing\n"), (b" a rest", None)]
    assert copy(frames, FakeEngine()) == ["one line", "warning", "and a rest"]


@given(text=st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs", "Zs", "Cc"])), size=st.integers(1, 5))
def test_a_character_that_is_cut_between_chunks_comes_through_whole(text: str, size: int) -> None:
    data = f"{text}|\n".encode()
    splitter = LineSplitter()
    assert [line for at in range(0, len(data), size) for line in splitter.feed(data[at : at + size])] == [f"{text}|"]


def test_a_line_of_40_megabytes_comes_through_whole() -> None:
    line = "é" * 20 * 1024**2
    data = f"{line}\nnext\n".encode()
    frames: Iterator[Frame] = ((data[at : at + 32 * 1024 - 1], None) for at in range(0, len(data), 32 * 1024 - 1))
    assert copy(frames, FakeEngine()) == [line, "next"]


def test_output_without_line_ends_is_written_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_splitter, "LINE_MAX", 10)
    assert copy([(b"12345", None)] * 5, FakeEngine()) == ["1234512345", "1234512345", "12345"]


@pytest.mark.parametrize("error", [None, ConnectionResetError(), struct.error(), requests.ConnectionError()])
def test_after_a_cut_the_output_is_read_on_and_each_line_is_written_once(error: Exception | None) -> None:
    begun: list[Frame] = [(b"old\na\nb\nb\nhal", None)]
    engine = FakeEngine([b"a\nb\nb\nhalf of it\nc\n", b"a\nb\n"], [b"c\na\nb\n"])
    lines = copy(cut(begun, error) if error else begun, engine)
    assert lines == ["old", "a", "b", "b", CUT_LINE, "half of it", "c", "a", "b"]
    assert engine.since == [NOW - container_log.OVERLAP_SECONDS] * 2


def test_a_connection_may_be_cut_again_and_again() -> None:
    engine = FakeEngine([b"a\nb\n"], (chunk for chunk in [b"b\nc\n"]), [b"c\nd"])
    assert copy([(b"a\n", None)], engine) == ["a", CUT_LINE, "b", "c", "d"]


def test_the_last_lines_are_read_again_after_the_end_of_the_container() -> None:
    """An engine that is followed may end the stream before the last line."""
    engine = FakeEngine([b"a\nb\n"], [b"b\nlast"])
    assert copy(cut([(b"a\n", None)], ConnectionResetError()), engine) == ["a", CUT_LINE, "b", "last"]


def test_a_line_in_which_the_engine_replaced_a_character_is_not_written_again() -> None:
    engine = FakeEngine(["né\nma\ufffdn\nend\n".encode()])
    assert copy(cut([("né\nmaçn\n".encode(), None)], ConnectionResetError()), engine) == ["né", "maçn", CUT_LINE, "end"]


def test_a_line_that_was_written_long_before_the_cut_may_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([NOW, NOW, NOW + 60, NOW + 60, NOW + 60])
    monkeypatch.setattr(time, "time", lambda: next(times))
    begun: list[Frame] = [(b"waiting\n", None), (b"working\n", None)]
    assert copy(cut(begun, ConnectionResetError()), FakeEngine([b"working\nwaiting\n"])) == [
        *("waiting", "working", CUT_LINE, "waiting")
    ]


def test_a_container_that_ended_while_the_engine_was_away_is_read_once() -> None:
    engine = FakeEngine([b"a\nb\n"])
    assert copy(cut([(b"a\n", None)], ConnectionResetError()), engine) == ["a", CUT_LINE, "b"]
    assert engine.since == [NOW - container_log.OVERLAP_SECONDS]


def test_a_container_that_was_removed_is_reported() -> None:
    engine = FakeEngine()
    engine.gone = True
    with pytest.raises(AirflowException, match="container 0123456789ab is gone: it was removed while its task ran"):
        copy([(b"a\n", None)], engine)


def test_an_engine_that_stays_away_ends_the_copying() -> None:
    class Away(FakeEngine):
        def logs(self, _: str, **_options: Any) -> Iterator[bytes]:
            raise requests.ConnectionError("refused")

    with pytest.raises(requests.ConnectionError, match="refused"):
        copy(cut([], ConnectionResetError()), Away())
