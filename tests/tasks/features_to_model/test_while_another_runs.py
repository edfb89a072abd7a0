"""Two attempts at a task at once: the later one commits."""

import pytest
from pyiceberg.exceptions import CommitFailedException

from tasks import build_features, publish_features, remove_unused_parts, train_model
from tasks.core.features.content import TIMES
from tasks.core.features.feature_set import FeatureSet
from tasks.io.feast import offline_store
from tasks.io.mlflow import registry
from tasks.io.postgres import lease
from tasks.io.postgres.connection import connect
from tasks.settings import Settings
from tests.tasks.features_to_model.state import TODAY, read_ready, read_versions, set_rating, snapshots
from tests.tasks.offline import append_rows, read_latest
from tests.tasks.settings_factory import deploy_features, number_attempt, overtaken, read_live_deployment, run_verb

pytestmark = pytest.mark.integration


def test_of_two_overlapping_builds_the_later_one_appends(settings: Settings, movies: None) -> None:
    set_rating(settings, "tt0000001", 4.6)
    after: list[list[int]] = []

    def overtake() -> None:
        run_verb(build_features, number_attempt(settings, 2), TODAY)
        after.append(snapshots())

    before = snapshots()
    with overtaken(lease.Lease, "held", overtake):
        run_verb(build_features, number_attempt(settings, 1), TODAY)
    assert [snapshots()] == after
    assert len(after[0]) == len(before) + 1


def test_an_append_that_comes_too_late_is_not_put_on_top(settings: Settings, movies: None) -> None:
    """A process may be stopped in the middle of its commit; then PyIceberg itself must reject the commit."""
    table = offline_store.open_table()
    assert table is not None
    rows = read_latest(table, TODAY).drop(TIMES).head(1)
    late = table.transaction()
    late.append(table.scan(limit=1).to_arrow())
    with lease.take(settings, "build_features") as held:
        append_rows(rows, TODAY, "first", held)
    before = snapshots()
    with pytest.raises(CommitFailedException):
        late.commit_transaction()
    assert snapshots() == before


@pytest.mark.parametrize("commit", [1, 3, 5], ids=["start", "rows", "ready"])
def test_of_two_overlapping_publishers_the_later_one_s_set_is_the_newest(settings: Settings, movies: None, commit: int) -> None:
    newest: list[FeatureSet] = []

    def overtake() -> None:
        set_rating(settings, "tt0000001", 7.0 + commit / 10)
        run_verb(build_features, settings, TODAY)
        run_verb(publish_features, number_attempt(settings, 2), TODAY)
        newest.append(read_ready(settings))

    set_rating(settings, "tt0000001", 6.0 + commit / 10)
    run_verb(build_features, settings, TODAY)
    with overtaken(lease.Lease, "held", overtake, commit):
        run_verb(publish_features, number_attempt(settings, 1), TODAY)
    assert [read_ready(settings)] == newest
    with connect(settings) as conn:
        states = {state for (state,) in conn.execute("select distinct state from feature_set").fetchall()}
    assert ("writing" in states) == (commit > 1)
    deploy_features(settings, TODAY)
    assert read_live_deployment(settings).feature_set == newest[0].feature_set
    remove_unused_parts.run(settings)
    with connect(settings) as conn:
        states = {state for (state,) in conn.execute("select distinct state from feature_set").fetchall()}
    assert "writing" not in states


def test_of_two_overlapping_trainings_the_later_one_registers(settings: Settings, movies: None) -> None:
    after: list[object] = []

    def look() -> object:
        with registry.connect(settings.mlflow_tracking_uri) as client:
            return read_versions(client)

    def overtake() -> None:
        run_verb(train_model, number_attempt(settings, 2), TODAY)
        after.append(look())

    before = look()
    with overtaken(lease.Lease, "held", overtake):
        run_verb(train_model, number_attempt(settings, 1), TODAY)
    assert [look()] == after
    assert before not in after
