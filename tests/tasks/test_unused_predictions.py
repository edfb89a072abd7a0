"""Predictions that no deployment needs, on the real servers: their files go, and what referred to them is refused."""

from collections.abc import Iterator

import pytest

from infra.local.stack import Stack
from tasks import remove_unused_parts, replay, rollback
from tasks.core.deployment.record import Deployment
from tasks.core.errors import Differs, Unavailable, Unknown
from tasks.io import prediction_sets
from tasks.io.postgres.connection import connect
from tasks.io.prediction_sets import PredictionSet
from tasks.io.s3.bucket import Bucket
from tasks.settings import Settings
from tests.conftest import started_stack
from tests.serving.tiny_models import export_onnx
from tests.tasks.api_answers import Answers
from tests.tasks.movies import FEATURES, TODAY, add_movies, crown, fit, publish
from tests.tasks.settings_factory import deploy_features, deploy_model, in_environment, own_environment, read_live_deployment

pytestmark = pytest.mark.integration

MOVIES = [f"tt8{number:06d}" for number in range(3)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with started_stack(tmp_path_factory.mktemp("unused")) as servers:
        yield servers


@pytest.fixture(scope="module")
def settings(stack: Stack) -> Iterator[Settings]:
    """Only the live deployment's parts are kept."""
    with own_environment(stack) as environment, in_environment(environment, keep_deployments=1) as settings:
        yield settings


@pytest.fixture(scope="module")
def first(stack: Stack, settings: Settings) -> tuple[Deployment, PredictionSet, list[str]]:
    """A deployment that another one has replaced, its predictions, and the ids of answers from them."""
    add_movies(settings)
    publish(settings)
    exported = export_onnx(fit(settings, 1), FEATURES)
    version = crown(settings, exported)
    deploy_model(settings, TODAY)
    deployment = read_live_deployment(settings)
    answers = Answers(settings, stack.environment("serving")["REDIS_URL"], version, exported).fall_back(MOVIES)
    predictions = read_predictions(settings, deployment)
    with connect(settings) as conn:
        conn.execute("update movie set runtime_minutes = runtime_minutes + 1")
    publish(settings)
    deploy_features(settings, TODAY)
    return deployment, predictions, answers


def read_predictions(settings: Settings, deployment: Deployment) -> PredictionSet:
    with connect(settings) as conn:
        found = prediction_sets.read_set(conn, deployment.prediction_set)
    assert found is not None
    return found


def read_files(settings: Settings, predictions: PredictionSet) -> tuple[bool, bool]:
    """Return whether the Parquet file and the SQLite file are in S3."""
    bucket = Bucket.from_settings(settings)
    assert predictions.database_key is not None
    return bucket.exists(predictions.object_key), bucket.exists(predictions.database_key)


def remove_with_a_failure(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a kill between the row and the file."""

    def fail(*_: object) -> None:
        raise Unavailable("S3 does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(Bucket, "delete", fail)
        with pytest.raises(Unavailable, match="S3 does not answer"):
            remove_unused_parts.run(settings)


def test_the_database_goes_with_the_deployment_and_the_ratings_stay_for_replay(
    settings: Settings,
    first: tuple[Deployment, PredictionSet, list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    deployment, predictions, answers = first
    with monkeypatch.context() as patch:
        patch.setattr(Bucket, "delete", lambda *_: pytest.fail("the last five deployments are kept"))
        remove_unused_parts.run(settings.model_copy(update={"keep_deployments": 5}))
    remove_with_a_failure(settings, monkeypatch)
    assert read_files(settings, predictions) == (True, True)
    with pytest.raises(Unknown, match=f"predictions {deployment.prediction_set} are no longer kept"):
        rollback.run(settings, deployment.deployment, "a try")
    for _ in range(2):
        remove_unused_parts.run(settings)
        assert read_files(settings, predictions) == (True, False)
    live = read_predictions(settings, read_live_deployment(settings))
    assert read_files(settings, live) == (True, True)
    with pytest.raises(Unknown, match=f"predictions {deployment.prediction_set} are no longer kept"):
        rollback.run(settings, deployment.deployment, "a try")
    replay.run(settings, answers)
    assert capsys.readouterr().out.count(" equal\n") == len(MOVIES)


def test_the_ratings_go_when_no_receipt_is_replayed_from_them_any_more(
    settings: Settings, first: tuple[Deployment, PredictionSet, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment, predictions, answers = first
    with connect(settings) as conn:
        conn.execute("update prediction_set set predicted_at = predicted_at - interval '60 days'")
        ended = "update deployment set ended_at = now() - %s::interval where deployment = %s"
        conn.execute(ended, [f"{settings.receipts_keep_days} days", deployment.deployment])
    remove_unused_parts.run(settings)
    assert read_files(settings, predictions) == (True, False)
    with connect(settings) as conn:
        conn.execute(ended, [f"{settings.receipts_keep_days + 2} days", deployment.deployment])
    remove_with_a_failure(settings, monkeypatch)
    assert read_files(settings, predictions) == (True, False)
    for _ in range(2):
        with pytest.raises(Differs, match="3 of 3 predictions differ"):
            replay.run(settings, answers)
        remove_unused_parts.run(settings)
        assert read_files(settings, predictions) == (False, False)
    with connect(settings) as conn:
        assert conn.execute("select state from prediction_set").fetchall() == [("ready",)]
    live = read_predictions(settings, read_live_deployment(settings))
    assert read_files(settings, live) == (True, True)


def test_predictions_that_were_removed_are_made_again(
    settings: Settings, first: tuple[Deployment, PredictionSet, list[str]]
) -> None:
    """The same features come back: the same set, with both of its files."""
    deployment, predictions, _ = first
    with connect(settings) as conn:
        conn.execute("update movie set runtime_minutes = runtime_minutes - 1")
    publish(settings)
    deploy_features(settings, TODAY)
    live = read_live_deployment(settings)
    assert live.prediction_set == deployment.prediction_set
    assert read_files(settings, read_predictions(settings, live)) == (True, True)
    assert read_predictions(settings, live).object_key == predictions.object_key
