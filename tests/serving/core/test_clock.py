"""Age and future of stored days, where the source of the movies has a day of its own."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from serving.core.clock import has_come, now_in_world
from serving.deployments.pointer import MalformedPointer, parse_pointer
from tasks.core.deployment.pointer import read_world_day, render_pointer
from tests.tasks.core.deployment.factories import make_deployment, make_features

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
TODAY = NOON.date()
LIVE = make_deployment(17, live=True, model_sha256="b" * 64, release_sha256="c" * 64)
TOLD = {"database_key": "k", "database_sha256": "a" * 64, "database_bytes": 9, "movies": 3}


def test_the_worlds_time_is_the_time_of_day_on_its_day() -> None:
    assert now_in_world(NOON.timestamp(), None) == NOON.timestamp()
    for day in (date(2026, 11, 20), TODAY, date(2027, 3, 1)):
        assert datetime.fromtimestamp(now_in_world(NOON.timestamp(), day), UTC) == datetime(
            day.year, day.month, day.day, 12, tzinfo=UTC
        )


@pytest.mark.parametrize("now", [NOON.replace(hour=0, minute=30), NOON, NOON.replace(hour=23, minute=50)])
def test_a_day_after_today_or_after_the_worlds_day_is_still_to_come(now: datetime) -> None:
    assert has_come(TODAY, now, None)
    assert not has_come(TODAY + timedelta(1), now, None)
    assert has_come(TODAY + timedelta(30), now, TODAY + timedelta(30))
    assert not has_come(TODAY + timedelta(31), now, TODAY + timedelta(30))
    assert not has_come(TODAY, now, TODAY - timedelta(5)), "the world stands still while real days pass"


def test_a_pointer_of_the_sample_is_read_by_the_worlds_day_and_another_one_by_the_real_day() -> None:
    world_day = datetime.now(UTC).date() + timedelta(60)
    fields = json.loads(render_pointer(LIVE, make_features(1), TOLD, world_day))
    for part in ("features", "predictions"):
        fields[part]["day"] = f"{world_day - timedelta(3)}"
    record = parse_pointer(json.dumps(fields).encode())
    assert read_world_day(json.dumps(fields).encode()) == f"{world_day}"
    age = record.features.age_seconds(record.now(NOON.timestamp()))
    assert age == record.predictions.age_seconds(record.now(NOON.timestamp())) == 3 * 86_400 + 12 * 3600
    with pytest.raises(MalformedPointer, match="still to come"):
        parse_pointer(json.dumps({**fields, "world_day": None}).encode())
    del fields["world_day"]
    with pytest.raises(MalformedPointer, match="still to come"):
        parse_pointer(json.dumps(fields).encode())


@pytest.mark.parametrize("pointer", [None, b"", b"[]", b"{}", b'{"world_day": null}'])
def test_a_pointer_of_real_movies_has_no_world_day(pointer: bytes | None) -> None:
    assert read_world_day(pointer) is None
