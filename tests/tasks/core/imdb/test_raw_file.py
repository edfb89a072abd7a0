"""The version of a file, as a condition of a request for its rest."""

import pytest

from tasks.core.imdb.raw_file import Validators

DATE = "Sun, 22 Nov 2026 02:50:48 GMT"


@pytest.mark.parametrize(
    ("etag", "last_modified", "condition"),
    [('"v1"', DATE, '"v1"'), ('W/"v1"', DATE, DATE), (None, DATE, DATE), ('W/"v1"', None, None), (None, None, None)],
)
def test_a_weak_etag_is_not_a_condition_for_a_rest(etag: str | None, last_modified: str | None, condition: str | None) -> None:
    assert Validators(etag, last_modified).condition == condition
