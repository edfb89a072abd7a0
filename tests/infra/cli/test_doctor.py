"""The doctor counts the rows of the live set: lost rows are a finding, not unknown movies."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import pytest

from infra.cli import doctor
from infra.platform.errors import StackError
from infra.platform.protocol import Platform

PLATFORM = cast(Platform, SimpleNamespace(endpoints=None))
POINTER = {
    "deployment": 17,
    "model": {"name": "movie-rating", "version": "3"},
    "features": {"feature_set": "movies_1", "movies": 3, "day": "2026-11-25"},
}


def check(monkeypatch: pytest.MonkeyPatch, held: int) -> str:
    def scan(endpoints: object, feature_set: str) -> Iterator[str]:
        assert feature_set == "movies_1"
        return iter(f"tt{number:07}" for number in range(held))

    monkeypatch.setattr(doctor, "read_pointer", lambda endpoints: POINTER)
    monkeypatch.setattr(doctor, "scan_movies", scan)
    return doctor.check_deployment(PLATFORM)


def test_a_whole_set_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check(monkeypatch, 3) == "17: movie-rating version 3, 3 movies of 2026-11-25 in movies_1"


@pytest.mark.parametrize("held", [0, 2])
def test_lost_rows_are_reported_with_the_remedy(monkeypatch: pytest.MonkeyPatch, held: int) -> None:
    with pytest.raises(StackError, match=f"Redis holds {held} of the 3 movies of movies_1; `make run DAG=reconcile`"):
        check(monkeypatch, held)
