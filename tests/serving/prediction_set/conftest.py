"""Searches in these tests never end at their time limit, which a busy machine would reach."""

from collections.abc import Iterator

import pytest

from tests.serving.prediction_set.factories import Clock


@pytest.fixture(scope="package", autouse=True)
def stopped_clock() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("serving.prediction_set.database.time", Clock(0))
        yield
