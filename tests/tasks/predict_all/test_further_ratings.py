"""Ratings made again, by another model, by two attempts at once, and of fewer movies."""

import pytest

from tasks import predict_all
from tasks.io.postgres import lease
from tasks.io.postgres.connection import connect
from tasks.settings import Settings
from tests.serving.tiny_models import export_onnx
from tests.tasks.movies import FEATURES, MOVIES, TODAY, crown, fit, publish, read_live
from tests.tasks.predict_all.state import look
from tests.tasks.settings_factory import deploy_features, deploy_model, number_attempt, overtaken, run_verb

pytestmark = pytest.mark.integration


def test_the_same_again_changes_nothing(settings: Settings) -> None:
    before = look(settings)
    deploy_model(settings, TODAY)
    deploy_features(settings, TODAY)
    assert look(settings) == before


def test_another_model_makes_another_set_and_the_one_before_is_kept(settings: Settings) -> None:
    first = look(settings)
    version = crown(settings, export_onnx(fit(settings, 2), FEATURES))
    run_verb(predict_all, settings, TODAY, part="model")
    rows, sets, objects, pointer = look(settings)
    assert (rows, pointer) == (first[0], first[3])  # prepared, not live
    assert len(objects) - len(first[2]) == 2 * (len(sets) - len(first[1])) == 2
    deploy_model(settings, TODAY)
    rows, again, files, pointer = look(settings)
    assert (again, files) == (sets, objects)
    assert pointer["model"]["version"] == version
    assert {row[4] for row in rows} == {version}
    assert [row[1] for row in rows] != [row[1] for row in first[0]]


def test_the_same_model_under_another_version_is_a_set_of_its_own(settings: Settings) -> None:
    rows, sets, objects, _ = look(settings)
    version = crown(settings, export_onnx(fit(settings, 2), FEATURES))
    deploy_model(settings, TODAY)
    named, again, files, pointer = look(settings)
    assert [row[:4] for row in named] == [row[:4] for row in rows]
    assert {row[4] for row in named} == {version}
    assert (len(again), len(files)) == (len(sets) + 1, len(objects) + 2)
    assert pointer["model"]["version"] == version
    deploy_model(settings, TODAY)
    assert look(settings) == (named, again, files, pointer)


def test_of_two_overlapping_attempts_only_the_later_one_records_its_predictions(settings: Settings) -> None:
    state: list[object] = []

    def overtake() -> None:
        crown(settings, export_onnx(fit(settings, 11), FEATURES))
        run_verb(predict_all, number_attempt(settings, 2), TODAY, part="model")
        state.append(look(settings)[1])

    overtaken_version = crown(settings, export_onnx(fit(settings, 10), FEATURES))
    with overtaken(lease.Lease, "held", overtake):
        run_verb(predict_all, number_attempt(settings, 1), TODAY, part="model")
    assert [look(settings)[1]] == state
    assert overtaken_version not in {row[1] for row in look(settings)[1]}
    deploy_model(settings, TODAY)


def test_a_movie_that_left_the_sources_is_predicted_no_more(settings: Settings) -> None:
    with connect(settings) as conn:
        conn.execute("delete from movie where movie_id = 'tt8000007'")
    publish(settings)
    deploy_features(settings, TODAY)
    rows, _, _, pointer = look(settings)
    assert len(rows) == pointer["predictions"]["movies"] == pointer["features"]["movies"] == MOVIES - 1
    assert "tt8000007" not in {row[0] for row in rows}
    assert {row[5] for row in rows} == {read_live(settings).feature_set} == {pointer["features"]["feature_set"]}
