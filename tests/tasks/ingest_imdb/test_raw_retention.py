"""ingest_imdb removes raw files that are not kept any more, and a day whose files are gone is not built from others."""

import gzip
import logging
from datetime import date, timedelta

import pytest

from tasks import ingest_imdb
from tasks.core.errors import WrongDay
from tasks.core.imdb.files import FILES, RATINGS
from tasks.io.postgres import raw_objects
from tasks.io.postgres.connection import connect
from tasks.io.s3.bucket import Bucket
from tests.tasks.ingest_imdb.world import World
from tests.tasks.settings_factory import run_verb

pytestmark = pytest.mark.integration

FIRST = date(2026, 10, 30)


@pytest.fixture
def days(world: World, monkeypatch: pytest.MonkeyPatch) -> "Days":
    monkeypatch.setattr(ingest_imdb, "choose_archive_day", lambda day, _: day)
    return Days(world)


class Days:
    """A world of which two days are kept, with other ratings each day."""

    def __init__(self, world: World) -> None:
        self.settings = world.settings.model_copy(update={"keep_raw_days": 2})
        self._source = world.source.files
        self._first = gzip.decompress(self._source[RATINGS.name])

    def ingest(self, number: int, rating: str) -> None:
        """Ingest FIRST plus `number` days, on which a movie has this rating."""
        self._source[RATINGS.name] = gzip.compress(self._first + f"tt0000777\t{rating}\t5\n".encode(), mtime=0)
        run_verb(ingest_imdb, self.settings, FIRST + timedelta(days=number))

    def read_keys(self, number: int) -> dict[str, str]:
        with connect(self.settings) as conn:
            return raw_objects.read_files(conn, FIRST + timedelta(days=number))

    def is_kept(self, number: int) -> bool:
        """Return true if the day can be built again; then all its files must be in the bucket."""
        try:
            keys = self.read_keys(number)
        except WrongDay:
            return False
        bucket = Bucket.from_settings(self.settings)
        assert len(keys) == len(FILES)
        assert all(bucket.exists(raw_key) for raw_key in keys.values())
        return True


def test_of_raw_files_the_newest_days_and_one_a_month_stay(days: Days, caplog: pytest.LogCaptureFixture) -> None:
    keys = list[str]()
    caplog.set_level(logging.INFO)
    for number in range(6):  # two days of October and four of November
        days.ingest(number, f"{number + 1}.0")
        keys.append(days.read_keys(number)[RATINGS.name])
    assert [days.is_kept(number) for number in range(6)] == [True, False, True, False, True, True]
    with pytest.raises(WrongDay, match=r"2026-10-31 cannot be built again: title.ratings.tsv.gz of that day were removed"):
        days.read_keys(1)
    bucket = Bucket.from_settings(days.settings)
    assert [bucket.exists(key) for key in keys] == [True, False, True, False, True, True]
    assert f"removed s3://{bucket.name}/{keys[1]}" in caplog.text
    lines = caplog.text.count("removed s3://")
    days.ingest(5, "6.0")
    assert caplog.text.count("removed s3://") == lines == 2


def test_bytes_that_come_back_are_kept_again(days: Days) -> None:
    for number, rating in enumerate(("1.0", "2.0", "3.0", "4.0", "5.0", "2.0")):
        days.ingest(number, rating)
    assert days.is_kept(1)
    assert days.is_kept(5)
    assert not days.is_kept(3)


def test_a_removal_that_was_killed_is_ended_by_the_next_run(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        days.ingest(number, f"{number + 1}.0")
    key = days.read_keys(1)[RATINGS.name]

    def die(bucket: Bucket, raw_key: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Bucket, "delete", die)
    with pytest.raises(KeyboardInterrupt):
        days.ingest(3, "4.0")
    monkeypatch.undo()
    monkeypatch.setattr(ingest_imdb, "choose_archive_day", lambda day, _: day)
    bucket = Bucket.from_settings(days.settings)
    assert bucket.exists(key)
    assert not days.is_kept(1), "nobody begins to read what is about to be removed"
    days.ingest(3, "4.0")
    assert not bucket.exists(key)
