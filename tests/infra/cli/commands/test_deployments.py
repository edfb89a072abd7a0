"""`marquee deployments`: one row for each of the newest deployments, with its state in words."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from io import StringIO
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from infra.cli.commands import deployments
from infra.platform.protocol import Platform

MADE_AT = datetime(2026, 12, 3, 10, 20, 30, tzinfo=UTC)
IMAGE = {"marquee/tasks:1": "sha256:1f1f", "other": None}
ROWS = [
    (3, "live", "1", "movies_1", date(2026, 12, 1), "rollback", "ratings [of] documentaries", "ann@desk", None, MADE_AT),
    (2, "rolled back", "2", "movies_2", date(2026, 12, 3), "deploy", "version 2 passed", "train_model/1", IMAGE, MADE_AT),
]


def show(monkeypatch: pytest.MonkeyPatch, *, images: bool) -> tuple[list[str], list[int]]:
    """Return the lines of the table, and the values of its query."""
    asked: list[int] = []

    @contextmanager
    def connect(endpoints: object, role: str) -> Iterator[Any]:
        def execute(query: str, values: list[int]) -> Any:
            asked.extend(values)
            return iter(ROWS)

        assert role == "movies"
        yield SimpleNamespace(execute=execute)

    monkeypatch.setattr(deployments, "connect_postgres", connect)
    console = Console(file=StringIO(), width=240)
    console.print(deployments.deployments_table(cast(Platform, SimpleNamespace(endpoints=None)), 2, images))
    return cast(StringIO, console.file).getvalue().splitlines(), asked


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("│┃").replace("┃", "│").split("│")]


def test_each_deployment_has_its_parts_who_made_it_when_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    lines, asked = show(monkeypatch, images=False)
    assert asked == [2]
    header, live, before = (cells(line) for line in lines if "│" in line or "┃" in line)
    assert header == ["deployment", "state", "model", "feature set", "day", "kind", "reason", "made by", "made at"]
    assert live[:6] == ["3", "live", "1", "movies_1", "2026-12-01", "rollback"]
    assert live[6:] == ["ratings [of] documentaries", "ann@desk", "2026-12-03 10:20:30"]
    assert before[1] == "rolled back"


def test_images_are_shown_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    lines, _ = show(monkeypatch, images=True)
    header, live, before = (cells(line) for line in lines if "│" in line or "┃" in line)
    assert header[-2] == "image"
    assert live[-2] == "-"
    assert before[-2] == "marquee/tasks:1@sha256:1f1f; other, digest not known"
