"""Tests the lookup of the parts that a receipt points to."""

from datetime import date

import numpy as np
import pytest

from tasks.core.audit.receipts import find_differing, offline_values, read_day, to_float32
from tests.tasks.core.audit.receipt_factories import RECEIPT


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("movies_20261122_ab12cd34ef56", date(2026, 11, 22)),
        ("movies_20261122_ab12cd34ef56_01234567", date(2026, 11, 22)),
        ("movies_20261399_ab12cd34ef56", None),
        ("movies_2026112_ab12cd34ef56", None),
        ("movies_20261122_", None),
        ("movies_20261122_ab\n", None),
        ("movies_２０２６1122_ab", None),  # noqa: RUF001  # full-width digits
        ("marquee", None),
        ("", None),
    ],
)
def test_a_feature_set_s_name_contains_its_day(name: str, day: date | None) -> None:
    assert read_day(name) == day


def test_values_differ_as_the_model_reads_them() -> None:
    recorded = to_float32([[0.1, None, 2.0, None, float("inf"), 1.0]])
    offline = to_float32([[0.1 + 1e-12, None, 2.001, 0.0, float("inf"), None]])
    assert recorded.dtype == np.float32
    assert find_differing(recorded, offline).tolist() == [[False, False, True, True, False, True]]


def test_what_a_question_replaced_stands_in_the_offline_row_s_place() -> None:
    row = {"a": 1.0, "b": 2.0, "c": None}
    assert offline_values(RECEIPT, ["c", "a", "new"], row) == [None, 1.0, None]
    asked = type(RECEIPT)(**{**vars(RECEIPT), "overrides": {"a": None, "c": 3.0}})
    assert offline_values(asked, ["c", "a", "b"], row) == [3.0, None, 2.0]
