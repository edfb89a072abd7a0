"""build_features on the real servers: one tagged snapshot, and none for the same again."""

from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from pyiceberg.utils.config import Config

from tasks import build_features, publish_features, train_model
from tasks.core.errors import BadInput, Unavailable
from tasks.io.feast import current_rows, offline_store
from tasks.io.feast.latest_rows import LatestRows
from tasks.settings import Settings
from tests.tasks.features_to_model.state import MOVIES, TODAY, set_rating, snapshots
from tests.tasks.offline import read_latest
from tests.tasks.settings_factory import run_verb

pytestmark = pytest.mark.integration


def test_publishing_and_training_before_a_build_name_the_dag_to_run(settings: Settings, movies: None) -> None:
    if offline_store.open_table() is None:
        with pytest.raises(BadInput, match="run build_features first"):
            run_verb(publish_features, settings, TODAY)
    with pytest.raises(BadInput, match="run build_features and publish_features first"):
        run_verb(train_model, settings, TODAY)


def test_a_build_makes_one_tagged_snapshot_and_a_repeated_one_makes_none(settings: Settings, movies: None) -> None:
    run_verb(build_features, settings, TODAY)
    first = snapshots()
    run_verb(build_features, settings, TODAY)
    assert snapshots() == first
    table = offline_store.open_table()
    assert table is not None
    assert {ref.snapshot_id for name, ref in table.refs().items() if name.startswith("build-")} == set(first)
    assert read_latest(table, TODAY).filter(~pl.col("withdrawn")).height == MOVIES


def test_a_build_killed_before_its_tag_is_tagged_by_the_next(settings: Settings, movies: None) -> None:
    table = offline_store.open_table()
    assert table is not None
    (tag,) = [name for name in table.refs() if name.startswith("build-")]
    table.manage_snapshots().remove_tag(tag).commit()
    run_verb(build_features, settings, TODAY)
    assert tag in table.refresh().refs()


def test_an_unreachable_offline_store_is_unavailable(settings: Settings, movies: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYICEBERG_CATALOG__MARQUEE__URI", "postgresql+psycopg://feast:x@127.0.0.1:1/feast")
    monkeypatch.setattr("pyiceberg.catalog._ENV_CONFIG", Config())
    with pytest.raises(Unavailable, match="the offline store: "):
        run_verb(build_features, settings, TODAY)


def test_the_newest_rows_have_a_file_that_equals_the_history(settings: Settings, movies: None) -> None:
    """Whether the build was the first or changed some rows; a day before it is read from the history."""
    table = offline_store.open_table()
    assert table is not None
    columns = table.schema().column_names
    for rating in (6.1, 6.2, 6.3, 6.4):
        set_rating(settings, "tt0000001", rating)
        run_verb(build_features, settings, TODAY)
        table.refresh()
        assert current_rows.read(table, TODAY, None, columns) is not None
        assert current_rows.read(table, TODAY - timedelta(days=1), None, columns) is None
        assert_frame_equal(read_latest(table, TODAY), pl.concat(LatestRows(table, TODAY)._read_history()))
    older = LatestRows(table, TODAY, table.snapshots()[-4].snapshot_id)  # its file is removed
    assert_frame_equal(pl.concat(older), pl.concat(older._read_history()))
    named = [snapshot.summary.additional_properties[current_rows.FILE] for snapshot in table.snapshots()[-4:] if snapshot.summary]
    assert [table.io.new_input(address).exists() for address in named] == [False, False, True, True]
