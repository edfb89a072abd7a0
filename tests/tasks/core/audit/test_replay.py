"""Tests replays: equal, or the field that differs with both values."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tasks.core.audit.receipts import Receipt, Row
from tasks.core.audit.replay import replay, replay_published
from tests.serving.tiny_models import FEATURES
from tests.tasks.core.audit.receipt_factories import AS_OF, make_model, make_receipt, make_rows

FIRST, SECOND = FEATURES[:2]


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    return make_rows()


@pytest.fixture(scope="module")
def receipts(rows: dict[str, Row]) -> list[Receipt]:
    return [make_receipt(number, row) for number, row in enumerate(rows.values())]


def say(receipt: Receipt, rows: dict[str, Row] | None) -> list[str]:
    (differences,) = replay([receipt], make_model(), rows)
    return [str(difference) for difference in differences]


def test_what_was_answered_from_these_rows_is_equal(receipts: list[Receipt], rows: dict[str, Row]) -> None:
    assert {receipt.rating for receipt in receipts} != {receipts[0].rating}
    assert replay(receipts, make_model(), rows) == [[] for _ in receipts]
    assert replay([], make_model(), rows) == []


def test_a_what_if_is_compared_with_what_was_asked_for(rows: dict[str, Row]) -> None:
    row = next(row for row in rows.values() if row[FIRST] is not None)
    asked = make_receipt(1, row, overrides={FIRST: None, SECOND: 9.5}, endpoint="whatif")
    assert say(asked, rows) == []
    (said,) = [each for each in say(replace(asked, overrides={FIRST: None}), rows) if each.startswith(SECOND)]
    assert said.startswith(f"{SECOND} is 9.5 in the receipt, ")


def test_each_receipt_of_many_has_its_own_verdict(receipts: list[Receipt], rows: dict[str, Row]) -> None:
    wrong = [replace(receipt, rating=receipt.rating + 0.01) if n % 3 == 0 else receipt for n, receipt in enumerate(receipts)]
    found = replay(wrong, make_model(), rows)
    assert [bool(differences) for differences in found] == [number % 3 == 0 for number in range(len(receipts))]


def test_a_value_that_differs_offline_is_named_with_both(receipts: list[Receipt], rows: dict[str, Row]) -> None:
    receipt = receipts[0]
    for value, shown in ((123.25, "123.25"), (None, "unknown")):
        other = {**rows, receipt.movie_id: {**rows[receipt.movie_id], FIRST: value, SECOND: rows[receipt.movie_id][SECOND]}}
        recorded = (receipt.features or [])[0]
        assert say(receipt, other)[0] == f"{FIRST} is {recorded:.9g} in the receipt, {shown} in the offline store"
    gone = {key: value for key, value in rows[receipt.movie_id].items() if key != FIRST}
    assert say(receipt, {receipt.movie_id: gone})[0].startswith(f"{FIRST} is ")


def test_a_corrupt_value_was_answered_rightly_and_differs_offline(receipts: list[Receipt], rows: dict[str, Row]) -> None:
    """The receipt has what Redis held; so the rating is that of the receipt, and not that of the offline row."""
    receipt = make_receipt(0, {**rows[receipts[0].movie_id], FIRST: 55.0})
    said = say(receipt, rows)
    assert said[0].startswith(f"{FIRST} is 55 in the receipt, ")
    assert all("replayed" not in each for each in said)


@pytest.mark.parametrize("change", [1e-5, -1e-5, float("nan")])
def test_an_output_that_the_model_does_not_give_is_named(receipts: list[Receipt], rows: dict[str, Row], change: float) -> None:
    receipt = receipts[0]
    said = say(replace(receipt, model_output=receipt.model_output + change), rows)
    assert [each.split(" is ")[0] for each in said] == ["model_output", "model_output"]
    assert said[0].endswith(f"{receipt.model_output:.9g} replayed from it")
    assert said[1].endswith(f"{receipt.model_output:.9g} from the offline store")


def test_one_float32_step_is_the_same_output(receipts: list[Receipt], rows: dict[str, Row]) -> None:
    receipt = receipts[0]
    assert say(replace(receipt, model_output=receipt.model_output + 4.8e-7), rows) == []


def test_a_rating_that_is_not_the_rounded_output_is_named(receipts: list[Receipt], rows: dict[str, Row]) -> None:
    receipt = receipts[0]
    said = say(replace(receipt, rating=receipt.rating + 1e-3), rows)
    assert [each.split(" is ")[0] for each in said] == ["rating", "rating"]


def test_a_deleted_movie_or_snapshot_is_named(receipts: list[Receipt], rows: dict[str, Row]) -> None:
    receipt = receipts[0]
    others = {key: row for key, row in rows.items() if key != receipt.movie_id}
    assert say(receipt, others) == [f"movie_id is {receipt.movie_id} in the receipt, none in the offline store"]
    assert say(receipt, None) == ["snapshot_id is 7301 in the receipt, none in the offline store"]


def test_a_row_of_another_time_is_named(receipts: list[Receipt], rows: dict[str, Row]) -> None:
    receipt = replace(receipts[0], features_as_of=AS_OF - timedelta(days=1))
    (said,) = say(receipt, rows)
    assert said == ("features_as_of is 2026-11-21T00:00:00+00:00 in the receipt, 2026-11-22T00:00:00+00:00 in the offline store")


@pytest.mark.parametrize("features", [None, [], [1.0], [1.0] * 99])
def test_another_number_of_features_than_the_model_s_is_named(
    receipts: list[Receipt], rows: dict[str, Row], features: list[float] | None
) -> None:
    given = len(features or [])
    (said,) = say(replace(receipts[0], features=features), rows)
    assert said == f"number of features is {given} in the receipt, {len(FEATURES)} in the model"


def published(receipt: Receipt, **changed: object) -> dict[str, Row]:
    row = {"rating": receipt.rating, "model_output": receipt.model_output, "features_as_of": AS_OF, **changed}
    return {receipt.movie_id: row}


def test_a_published_rating_is_compared_with_its_set(receipts: list[Receipt]) -> None:
    receipt = replace(receipts[0], source="snapshot", features=None)

    def say_published(rows: dict[str, Row]) -> list[str]:
        (differences,) = replay_published([receipt], rows)
        return [str(difference).split(" is ")[0] for difference in differences]

    assert say_published(published(receipt)) == []
    assert say_published(published(receipt, rating=receipt.rating + 1e-4)) == ["rating"]
    assert say_published(published(receipt, model_output=receipt.model_output + 1e-5)) == ["model_output"]
    assert say_published(published(receipt, features_as_of=AS_OF + timedelta(days=1))) == ["features_as_of"]
    assert say_published({}) == ["movie_id"]
