"""Tests the selection of raw files to remove."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tasks.core.raw_retention import Version, find_kept_days, find_unneeded

FIRST = date(2026, 1, 20)


def days(*numbers: int) -> list[date]:
    return [FIRST + timedelta(days=number) for number in numbers]


def test_the_newest_days_one_a_month_and_those_of_deployments_are_kept() -> None:
    ingested = days(0, 1, 2, 12, 13, 14, 20, 21)  # the 12th is February's first
    assert find_kept_days(ingested, 2, []) == set(days(0, 12, 20, 21))
    assert find_kept_days(ingested, 2, days(2, 16)) == set(days(0, 2, 12, 14, 20, 21))
    assert find_kept_days(ingested, 99, []) == set(ingested)
    assert find_kept_days([], 2, days(3)) == set()


def test_a_version_stays_while_a_kept_day_has_it() -> None:
    versions = [Version("a", "a1", FIRST), Version("b", "b1", FIRST), Version("a", "a2", *days(1)), Version("a", "a3", *days(2))]
    assert find_unneeded(versions, days(2)) == ["a1", "a2"], "b has not changed since"
    assert find_unneeded(versions, days(0, 2)) == ["a2"]
    assert find_unneeded(versions, days(0, 1, 2)) == []


def test_of_several_versions_of_one_day_the_last_one_stays_and_bytes_that_came_back_do() -> None:
    versions = [Version("a", key, FIRST) for key in ("a1", "a2")]
    assert find_unneeded(versions, [FIRST]) == ["a1"]
    assert find_unneeded([*versions, Version("a", "a1", *days(1))], days(1)) == ["a2"]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9), st.integers(0, 90)), min_size=1), st.integers(1, 5))
def test_every_kept_day_reads_as_before(ingests: list[tuple[str, int, int]], newest: int) -> None:
    ordered = sorted(ingests, key=lambda ingest: ingest[2])
    versions = [Version(name, f"{name}{content}", FIRST + timedelta(days=number)) for name, content, number in ordered]
    kept = find_kept_days({version.day for version in versions}, newest, [])
    removed = set(find_unneeded(versions, kept))
    for day in kept:
        read = {version.name: version.raw_key for version in versions if version.day <= day}
        assert not removed & set(read.values())
    assert max(version.day for version in versions) in kept
