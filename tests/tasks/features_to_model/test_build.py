"""build_features on the real servers: one tagged snapshot, and none for the same again."""

import polars as pl
import pytest
from pyiceberg.utils.config import Config

from tasks import build_features, publish_features, train_model
from tasks.core.errors import BadInput, Unavailable
from tasks.io.feast import offline_store
from tasks.settings import Settings
from tests.tasks.features_to_model.state import MOVIES, TODAY, snapshots
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
    assert offline_store.read_latest(table, TODAY).filter(~pl.col("withdrawn")).height == MOVIES


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
