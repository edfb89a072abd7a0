"""Which snapshots and files of the offline store may go."""

from datetime import UTC, datetime, timedelta

from tasks.core.snapshot_retention import Snapshot, StoredFile, find_expired, find_unreferenced

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def make_snapshots(*ages: int) -> list[Snapshot]:
    """Snapshots that are their ids of days old."""
    return [Snapshot(age, NOW - timedelta(days=age)) for age in ages]


def test_old_snapshots_expire_unless_something_needs_them() -> None:
    before = NOW - timedelta(days=7)
    snapshots = make_snapshots(1, 6, 7, 8, 20, 30, 40)
    assert [snapshot.snapshot_id for snapshot in find_expired(snapshots, 1, {20, 99}, before)] == [40, 30, 8]
    assert [snapshot.snapshot_id for snapshot in find_expired(make_snapshots(40, 30), 30, (), before)] == [40]
    assert find_expired(make_snapshots(40), 40, (), before) == []
    assert find_expired([], None, (), before) == []


def test_a_file_goes_if_it_is_old_and_nothing_refers_to_it() -> None:
    old, young = NOW - timedelta(days=2), NOW
    files = [StoredFile(name, at, 1) for name, at in (("a", old), ("b", old), ("c", young))]
    assert find_unreferenced(files, {"a"}, NOW - timedelta(days=1)) == [files[1]]
    assert find_unreferenced(files, {"a", "b", "c"}, NOW + timedelta(days=1)) == []
