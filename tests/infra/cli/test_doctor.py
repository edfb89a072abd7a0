"""The doctor's findings about what is live, each with the command that mends it: lost rows, a lost version, a wrong alias."""

import re
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
    with pytest.raises(StackError, match=f"Redis holds {held} of the 3 movies of movies_1; `make run DAG=reconcile`") as told:
        check(monkeypatch, held)
    assert "the offline store has lost its snapshot, and `make run DAG=refresh_movies` publishes" in str(told.value)


def check_alias(monkeypatch: pytest.MonkeyPatch, versions: list[str], alias: str | None) -> str:
    """The finding where MLflow has these versions, and the alias names this one."""

    def fetch(platform: Platform, path: str, **params: str) -> str | None:
        assert params["name"] == "movie-rating"
        if path == "registered-models/alias":
            return alias
        return params["version"] if params["version"] in versions else None

    monkeypatch.setattr(doctor, "read_pointer", lambda endpoints: POINTER)
    monkeypatch.setattr(doctor, "fetch_version", fetch)
    return doctor.check_alias(PLATFORM)


def test_an_alias_that_names_the_live_version_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_alias(monkeypatch, ["2", "3"], "3") == "MLflow's alias champion names version 3, as the live deployment does"


@pytest.mark.parametrize(
    ("versions", "alias", "finding", "remedies"),
    [
        (["2", "3"], None, "alias champion names none", ["make run DAG=reconcile"]),
        (["2", "3"], "2", "alias champion names version 2", ["make run DAG=reconcile"]),
        (
            ["2"],
            None,
            "version 3 is live, and MLflow no longer has it",
            ["make run DAG=train_model", ".marquee/bin/marquee rollback --reason TEXT"],
        ),
    ],
    ids=["deleted", "moved by hand", "the live version is deleted"],
)
def test_each_trouble_of_the_alias_names_what_mends_it(
    monkeypatch: pytest.MonkeyPatch, versions: list[str], alias: str | None, finding: str, remedies: list[str]
) -> None:
    with pytest.raises(StackError, match=finding) as told:
        check_alias(monkeypatch, versions, alias)
    assert re.findall("`(.*?)`", str(told.value)) == remedies
