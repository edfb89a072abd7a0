"""Models, features and files that are refused; what is live stays."""

import hashlib

import boto3
import pytest
from mlflow import MlflowClient
from onnx import TensorProto, helper
from psycopg import sql

from tasks import deploy, predict_all
from tasks.core.errors import BadInput, BadModel, Unavailable
from tasks.io.deployments import predictions
from tasks.io.mlflow import registry
from tasks.io.postgres.connection import connect
from tasks.settings import Settings
from tests.serving.tiny_models import export_onnx, graph_onnx
from tests.tasks.movies import FEATURES, MOVIES, TODAY, crown, fit, publish, read_live
from tests.tasks.predict_all.state import look, read_pointer
from tests.tasks.settings_factory import deploy_features, run_verb

pytestmark = pytest.mark.integration


def test_an_implausible_model_is_refused_once_and_the_live_one_stays(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    before = look(settings)
    first = helper.make_tensor("first", TensorProto.INT64, [1], [0])
    node = helper.make_node("Gather", ["features", "first"], ["variable"], axis=1)
    bad = [crown(settings, graph_onnx([node], [first], (name,))) for name in ("release_year", "no_such_feature")]
    for _ in range(2):
        run_verb(predict_all, settings, TODAY, part="model")
        run_verb(deploy, settings, TODAY, part="model")
    assert caplog.text.count(f"version {bad[0]} is refused and not deployed: the model rates tt8000000 2000, which is not") == 1
    assert f"the same is true of {MOVIES - 1} of its {MOVIES - 1} outputs" in caplog.text
    assert caplog.text.count(f"version {bad[1]} is refused and not deployed: the model reads no_such_feature") == 1
    with registry.connect(settings.mlflow_tracking_uri) as client:
        tags = client.get_model_version(registry.MODEL, bad[0]).tags
    assert (tags[registry.GATE], tags[registry.GATE_REASON][:15]) == ("refused", "the model rates")
    assert look(settings) == before


def test_a_live_model_that_cannot_rate_newer_features_keeps_its_own(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    before, version = look(settings), read_pointer(settings)["model"]["version"]
    with connect(settings) as conn:
        conn.execute("update movie set runtime_minutes = runtime_minutes + 1")
    publish(settings)

    def rate(*_: object) -> None:
        raise BadModel("the model rates tt8000000 11")

    with monkeypatch.context() as patch:
        patch.setattr(predictions, "compute_predictions", rate)
        for verb in (predict_all, deploy):
            with pytest.raises(BadModel, match=f"Version {version} is live and stays so"):
                run_verb(verb, settings, TODAY, part="features")
    assert look(settings) == before
    deploy_features(settings, TODAY)
    assert read_pointer(settings)["features"]["feature_set"] == read_live(settings).feature_set


def test_a_model_file_that_is_not_what_training_wrote_is_refused(settings: Settings) -> None:
    before, version = look(settings), crown(settings, export_onnx(fit(settings, 40), FEATURES))
    MlflowClient(settings.mlflow_tracking_uri).set_model_version_tag(registry.MODEL, version, registry.DIGEST, "0" * 64)
    with pytest.raises(Unavailable, match=f"version {version} has sha256 [0-9a-f]+, its tag says 0000"):
        run_verb(predict_all, settings, TODAY, part="model")
    assert look(settings) == before


def test_features_other_than_the_published_are_not_predicted(settings: Settings) -> None:
    before, live = look(settings), read_live(settings)
    crown(settings, export_onnx(fit(settings, 41), FEATURES))
    for column, wrong, right in (
        ("content_hash", "0" * 64, live.content_hash),
        ("snapshot_id", 1, int(live.snapshot_id)),
    ):
        change = sql.SQL("update feature_set set {} = %s where feature_set = %s").format(sql.Identifier(column))
        with connect(settings) as conn:
            conn.execute(change, (wrong, live.feature_set))
        with pytest.raises(BadInput, match="run build_features and publish_features"):
            run_verb(predict_all, settings, TODAY, part="model")
        with connect(settings) as conn:
            conn.execute(change, (right, live.feature_set))
    assert look(settings) == before


def test_a_file_that_was_there_with_other_bytes_is_not_used(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    before = look(settings)
    body = b"what the file should be"
    key = f"predictions/{hashlib.sha256(body).hexdigest()}.parquet"
    boto3.client("s3").put_object(Bucket=settings.s3_bucket, Key=key, Body=b"something else")
    monkeypatch.setattr(predictions, "render_parquet", lambda *_: body)
    with pytest.raises(Unavailable, match="has other bytes than its name says"):
        run_verb(predict_all, settings, TODAY, part="model")
    assert look(settings)[:2] == before[:2]
