"""Tests the share of receipts in which a feature differs online from offline."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tasks.core.audit.receipts import Receipt, Row
from tasks.core.audit.skew import ROW, TIME, WIDTH, Group, Skew, compute_skew, select_skewed
from tests.serving.tiny_models import FEATURES
from tests.tasks.core.audit.receipt_factories import AS_OF, MOVIES, make_receipt, make_rows

FIRST = FEATURES[0]


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    return make_rows()


@pytest.fixture(scope="module")
def receipts(rows: dict[str, Row]) -> list[Receipt]:
    return [make_receipt(number, row) for number, row in enumerate(rows.values())]


def counts(skews: list[Skew]) -> dict[str, tuple[int, int]]:
    return {skew.feature: (skew.compared, skew.mismatched) for skew in skews}


def test_what_was_answered_from_these_rows_has_no_skew(receipts: list[Receipt], rows: dict[str, Row]) -> None:
    skews = compute_skew([Group(FEATURES, receipts, rows)])
    assert counts(skews) == dict.fromkeys(sorted([WIDTH, ROW, TIME, *FEATURES]), (MOVIES, 0))
    assert [skew.feature for skew in skews] == sorted([WIDTH, ROW, TIME, *FEATURES])
    assert select_skewed(skews, 0) == []
    assert compute_skew([]) == []


def test_a_corrupt_feature_is_counted_by_its_name_with_an_example(receipts: list[Receipt], rows: dict[str, Row]) -> None:
    wrong = [make_receipt(n, {**row, FIRST: 55.0}) if n in (7, 9) else receipts[n] for n, row in enumerate(rows.values())]
    skews = compute_skew([Group(FEATURES, wrong, rows)])
    assert select_skewed(skews, 0) == [Skew(FIRST, MOVIES, 2, f"{7:032x}")]
    assert str(select_skewed(skews, 0)[0]) == f"{FIRST} in 2 of {MOVIES} (5.00%), as in prediction {7:032x}"
    assert select_skewed(skews, 0.049) == select_skewed(skews, 0)
    assert select_skewed(skews, 0.05) == [], "the share itself is allowed"


def test_groups_are_counted_together_and_only_features_that_their_model_reads(
    receipts: list[Receipt], rows: dict[str, Row]
) -> None:
    few = [replace(receipt, features=(receipt.features or [])[1:]) for receipt in receipts[:10]]
    skews = counts(compute_skew([Group(FEATURES, receipts, rows), Group(FEATURES[1:], few, rows)]))
    assert skews[FIRST] == (MOVIES, 0)
    assert skews[FEATURES[1]] == (MOVIES + 10, 0)


def test_movies_rows_and_widths_that_are_not_there_count_too(receipts: list[Receipt], rows: dict[str, Row]) -> None:
    old = replace(receipts[1], features_as_of=AS_OF - timedelta(days=1))
    narrow = replace(receipts[2], features=[1.0])
    known = {key: row for key, row in rows.items() if key != receipts[0].movie_id}
    skews = counts(compute_skew([Group(FEATURES, [receipts[0], old, narrow, receipts[3]], known)]))
    assert skews == {WIDTH: (4, 1), ROW: (3, 1), TIME: (2, 1), **dict.fromkeys(FEATURES, (2, 0))}
    assert counts(compute_skew([Group(FEATURES, receipts[:2], {})])) == {WIDTH: (2, 0), ROW: (2, 2), TIME: (0, 0)}


def test_the_worst_comes_first() -> None:
    skews = [Skew("a", 10, 1, "x"), Skew("b", 10, 5, "x"), Skew("c", 2, 1, "x"), Skew("d", 0, 0)]
    assert [skew.feature for skew in select_skewed(skews, 0)] == ["b", "c", "a"]
