"""What the checks of a run find."""

from typing import Any

import pytest

from tests.bench.scale.checks import find_broken

ROWS = {"movie": 2, "credit": 9, "prediction": 2, "quarantine": 0}


def find(rows: dict[str, int], zcat: str = "30", credits_by_duckdb: int = 9) -> list[str]:
    days: dict[str, Any] = {"first": {"rows": ROWS}, "quiet": {"rows": ROWS | rows}}
    peer = {"movie": 2, "credit": credits_by_duckdb}
    return find_broken(days, {"zcat": {"result": zcat}, "isal": {"result": "30"}, "duckdb": {"result": peer}}, 30)


def test_a_run_in_which_all_agree() -> None:
    assert find({}) == []


@pytest.mark.parametrize(
    ("given", "broken"),
    [
        ({"rows": {"prediction": 0}}, "quiet day: 0 of 2 movies are rated"),
        ({"rows": {"quarantine": 3}}, "quiet day: 3 lines are in quarantine"),
        ({"rows": {}, "zcat": "29"}, "zcat counts 29 lines of 30"),
        ({"rows": {}, "credits_by_duckdb": 8}, "DuckDB has 8 rows of credit, ingest_imdb 9"),
    ],
)
def test_a_difference_is_named(given: dict[str, Any], broken: str) -> None:
    assert find(**given) == [broken]
