"""Predictions made again on the real servers: equal, or the field that differs, whatever has become of what they were made of."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import psycopg
import pytest
from mlflow import MlflowClient

from infra.local.stack import Stack
from infra.platform.layout import REPOSITORY
from serving.features.online_row import build_key, hash_field
from tasks import audit_skew, build_features, publish_features, replay
from tasks.core.errors import BadSetting, Differs, Skewed, Unavailable, Unknown
from tasks.io.feast import online_store
from tasks.io.mlflow import registry
from tasks.io.postgres import lease
from tasks.io.postgres.connection import connect
from tasks.settings import Settings
from tests.serving.tiny_models import export_onnx
from tests.tasks.api_answers import Answers
from tests.tasks.movies import FEATURES, MOVIES, TODAY, add_movies, crown, fit, forget_models, publish, read_live
from tests.tasks.settings_factory import deploy_model, in_environment, own_environment, run_verb

pytestmark = pytest.mark.integration

IDS = [f"tt8{number:06d}" for number in range(MOVIES)]
CORRUPT = "runtime_minutes"


@dataclass(frozen=True)
class World:
    """Recorded answers of two models and two feature sets, by all entry points and feature sources."""

    settings: Settings
    first: Answers
    second: Answers
    made: dict[str, list[str]]
    """Prediction ids by kind of request."""


@pytest.fixture(scope="module")
def settings(stack: Stack) -> Iterator[Settings]:
    with own_environment(stack) as environment, in_environment(environment) as settings:
        forget_models(settings)
        add_movies(settings)
        publish(settings)
        yield settings


def test_each_verb_names_its_missing_setting(settings: Settings) -> None:
    without = settings.model_copy(update={"receipts_database_url": None})
    with pytest.raises(BadSetting, match="RECEIPTS_DATABASE_URL is not set"):
        replay.run(without, ["x"])
    with pytest.raises(BadSetting, match="RECEIPTS_DATABASE_URL is not set"):
        run_verb(audit_skew, without, TODAY)


def test_before_the_api_ever_ran_there_are_no_receipts(
    settings: Settings, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Unknown, match="no receipt of 00, 01"):
        replay.run(settings, ["00", "01", "00"])
    replay.run(settings, [], last=5)
    assert capsys.readouterr().out == ""
    with caplog.at_level("INFO", "tasks"):
        run_verb(audit_skew, settings, TODAY)
    assert "nothing to audit: no receipt" in caplog.text
    assert read_audits(settings) == []


def read_audits(settings: Settings) -> list[tuple[object, ...]]:
    with connect(settings) as conn:
        return conn.execute("select * from skew_audit order by audit_id, feature").fetchall()


@pytest.fixture(scope="module")
def world(stack: Stack, settings: Settings) -> World:
    """Two releases and two feature sets, each answered from."""
    redis_url = stack.environment("serving")["REDIS_URL"]
    models = [export_onnx(fit(settings, seed), FEATURES) for seed in (1, 2)]
    versions = [crown(settings, models[0])]
    deploy_model(settings, TODAY)
    first = Answers(settings, redis_url, versions[0], models[0])
    made = {"first": first.predict(IDS[:250]), "batch": first.predict_many(IDS)}
    made["snapshot"] = first.fall_back(IDS[:50])

    with connect(settings) as conn:
        conn.execute("update movie set runtime_minutes = runtime_minutes + 30")
    before = read_live(settings)
    run_verb(build_features, settings, TODAY)
    run_verb(publish_features, settings, TODAY)
    assert read_live(settings).feature_set != before.feature_set
    versions.append(crown(settings, models[1]))
    deploy_model(settings, TODAY)
    second = Answers(settings, redis_url, versions[1], models[1])
    made["second"] = second.predict(IDS, "grpc")
    made["whatif"] = [
        *second.what_if(IDS[0], {CORRUPT: 55.5, "director_rating": None}),
        *second.what_if(IDS[1], {CORRUPT: None}),
    ]
    made["stale"] = second.predict(IDS[:100], change=lambda receipt: receipt._replace(source="stale"))
    return World(settings, first, second, made)


def test_a_thousand_predictions_of_two_releases_replay_equal(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    ids = [each for made in world.made.values() for each in made]
    assert len(ids) >= 1000
    replay.run(world.settings, ids)
    lines = capsys.readouterr().out.splitlines()
    assert sorted(lines) == sorted(f"{each} equal" for each in ids)


def test_the_newest_come_first(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    replay.run(world.settings, [], last=3)
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == world.made["stale"][-1:-4:-1]


def test_an_unknown_id_is_named_beside_those_that_are_equal(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    known = world.made["first"][0]
    with pytest.raises(Unknown, match="no receipt of nothing") as unknown:
        replay.run(world.settings, [known, "nothing"])
    assert unknown.value.exit_code == 66
    assert capsys.readouterr().out == f"{known} equal\n"


def change(world: World, prediction_id: str, statement: str) -> None:
    url = world.settings.receipts_database_url
    assert url is not None
    with psycopg.connect(url.get_secret_value()) as conn:
        conn.execute(f"update receipt set {statement} where prediction_id = %s".encode(), [prediction_id])  # noqa: S608  # of this file


@pytest.mark.parametrize(
    ("made", "statement", "said"),
    [
        ("second", "rating = rating + 0.01", "rating is "),
        ("second", "model_output = model_output + 0.01", "model_output is "),
        ("second", "features[1] = 77", "runtime_minutes is 77 in the receipt, "),
        ("second", "features = features[1:2]", "number of features is 2 in the receipt, 3 in the model"),
        ("second", "model_sha256 = 'ab'", "sha256 of model.onnx is ab in the receipt, "),
        ("second", "model_version = '999'", "in the receipt, none in version 999 of MLflow"),
        ("second", "model_version = 'x'", "in the receipt, none in version x of MLflow"),
        ("second", "snapshot_id = '1'", "snapshot_id is 1 in the receipt, none in the offline store"),
        ("second", "snapshot_id = 'x'", "snapshot_id is x in the receipt, none in the offline store"),
        ("second", "feature_set = 'x'", "none in the offline store"),
        ("second", "movie_id = 'tt9999999'", "movie_id is tt9999999 in the receipt, none in the offline store"),
        ("whatif", "overrides = null", "runtime_minutes is "),
        ("snapshot", "rating = rating + 0.01", "rating is "),
        ("snapshot", "model_output = model_output + 0.01", "model_output is "),
        ("snapshot", "movie_id = 'tt9999999'", "movie_id is tt9999999 in the receipt, none in the prediction set"),
        ("snapshot", "model_sha256 = 'ab'", "none in the prediction set"),
    ],
)
def test_a_difference_is_printed_with_both_values(
    world: World, capsys: pytest.CaptureFixture[str], made: str, statement: str, said: str
) -> None:
    wrong, right = world.made[made][:2]
    column = statement.split(" =", maxsplit=1)[0].split("[", maxsplit=1)[0]
    kept = read_column(world, wrong, column)
    change(world, wrong, statement)
    try:
        with pytest.raises(Differs, match="1 of 2 predictions differ") as differs:
            replay.run(world.settings, [wrong, right])
        assert differs.value.exit_code == 1
        lines = dict(line.split(" ", 1) for line in capsys.readouterr().out.splitlines())
        assert lines[right] == "equal"
        assert lines[wrong].startswith("differs: ")
        assert said in lines[wrong]
    finally:
        restore(world, wrong, column, kept)


def read_column(world: World, prediction_id: str, column: str) -> object:
    url = world.settings.receipts_database_url
    assert url is not None
    with psycopg.connect(url.get_secret_value()) as conn:
        row = conn.execute(f"select {column}::text from receipt where prediction_id = %s".encode(), [prediction_id]).fetchone()  # noqa: S608  # of this file
    assert row is not None
    return row[0]


def restore(world: World, prediction_id: str, column: str, value: object) -> None:
    url = world.settings.receipts_database_url
    assert url is not None
    kind = {"rating": "float8", "model_output": "float4", "features": "float4[]", "overrides": "jsonb"}.get(column, "text")
    with psycopg.connect(url.get_secret_value()) as conn:
        conn.execute(
            f"update receipt set {column} = %s::text::{kind} where prediction_id = %s".encode(),  # noqa: S608  # of this file
            [value, prediction_id],
        )


def test_the_command_has_its_output_and_exit_codes(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def call(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["replay", *words])
        try:
            return replay.main()
        except SystemExit as end:  # the command line's parser
            return int(str(end.code))

    known = world.made["first"][0]
    command = [sys.executable, "-m", "tasks.replay", known]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{known} equal\n", "")
    assert call("--last", "2") == 0
    assert call("nothing", known) == 66
    assert [call(*words) for words in ((), (known, "--last", "1"), ("--last", "x"), ("--last", "0"), ("--last",))] == [2] * 5
    change(world, known, "rating = rating + 1")
    assert call(known) == 1
    change(world, known, "rating = rating - 1")
    assert "rating is " in capsys.readouterr().out


def test_sound_features_pass_the_audit_and_the_same_again_changes_nothing(world: World) -> None:
    run_verb(audit_skew, world.settings, TODAY)
    audits = read_audits(world.settings)
    audited = len(world.made["first"] + world.made["batch"] + world.made["second"] + world.made["stale"])
    assert {(row[1], row[2], row[3], row[5]) for row in audits} == {
        (name, audited, 0, "passed") for name in ("movie_id", "number of features", "features_as_of", *FEATURES)
    }
    run_verb(audit_skew, world.settings, TODAY)
    assert read_audits(world.settings) == audits


def test_a_corrupt_field_in_redis_turns_the_audit_red_and_is_named(world: World, caplog: pytest.LogCaptureFixture) -> None:
    settings = world.settings
    redis = online_store.open_redis(settings.feast_redis.get_secret_value())
    field: Any = hash_field("movies", CORRUPT)  # redis-py's types know no binary names
    key, other = (cast(Any, build_key("movie_id", movie_id, read_live(settings).feature_set)) for movie_id in IDS[1:3])
    sound = redis.hget(key, field)
    wrong = redis.hget(other, field)
    assert isinstance(sound, bytes)
    assert isinstance(wrong, bytes)
    assert sound != wrong
    before = read_audits(settings)
    redis.hset(key, field, wrong)
    try:
        (red,) = world.second.predict([IDS[1]])
    finally:
        redis.hset(key, field, sound)
    with pytest.raises(Skewed, match=rf"{CORRUPT} in 1 of \d+ \(0\.\d+%\), as in prediction {red}.*accept_skew") as skewed:
        run_verb(audit_skew, settings, TODAY)
    assert skewed.value.exit_code == 65
    assert "director_rating" not in str(skewed.value)
    assert verdicts(settings, before) == {"failed"}
    with pytest.raises(Differs):
        replay.run(settings, [red])

    with caplog.at_level("INFO", "tasks"), lease.take(settings, "audit_skew") as held:
        audit_skew.run(settings, TODAY, held, accept=True)
    assert f"accepted: more than 0.00% of values differ online from offline: {CORRUPT} in 1 of" in caplog.text
    assert verdicts(settings, before) == {"accepted"}

    with caplog.at_level("INFO", "tasks"):
        run_verb(audit_skew, settings, TODAY)
    assert "nothing to audit: no receipt" in caplog.text, "what was accepted is not held against publishing again"
    with connect(settings) as conn:
        conn.execute("delete from skew_audit where verdict = 'accepted'")  # the tests below look at these receipts again


def verdicts(settings: Settings, before: list[tuple[object, ...]]) -> set[object]:
    return {row[5] for row in read_audits(settings) if row not in before}


def test_what_ifs_and_published_ratings_are_not_audited(world: World) -> None:
    change(world, world.made["whatif"][0], "features[1] = 1")
    change(world, world.made["snapshot"][0], "rating = 1")
    run_verb(audit_skew, world.settings.model_copy(update={"skew_max_share": 0.5}), TODAY)
    audited = {row[2] for row in read_audits(world.settings)}
    sampled = len([each for name in ("first", "batch", "second", "stale") for each in world.made[name]])
    assert audited == {sampled, sampled + 1}


def test_receipts_that_are_too_old_are_deleted_and_older_than_a_day_not_audited(world: World) -> None:
    old, older = world.made["first"][:2]
    change(world, old, "predicted_at = predicted_at - interval '29 days', features[1] = 5")
    change(world, older, "predicted_at = predicted_at - interval '31 days'")
    run_verb(audit_skew, world.settings.model_copy(update={"skew_max_share": 0.5}), TODAY)
    with pytest.raises(Unknown, match=f"no receipt of {older}: "):
        replay.run(world.settings, [older])
    with pytest.raises(Differs):
        replay.run(world.settings, [old])


def test_receipts_of_deleted_parts_are_counted_in_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with registry.connect(world.settings.mlflow_tracking_uri) as client:
        assert isinstance(client, MlflowClient)
        client.delete_model_version(registry.MODEL, world.first.reference.version)
    with caplog.at_level("INFO", "tasks"):
        run_verb(audit_skew, world.settings.model_copy(update={"skew_max_share": 0.5}), TODAY)
    assert "refer to a model or snapshot that was deleted" in caplog.text
    (said,) = [record.getMessage() for record in caplog.records if record.getMessage().startswith("audited ")]
    audited, sampled, _ = (int(word) for word in said.split() if word.isdigit())
    assert 0 < audited < sampled


def test_an_unreachable_receipts_database_is_named(settings: Settings) -> None:
    away = type(settings.feast_redis)("postgresql://receipts:x@127.0.0.1:1/receipts")
    with pytest.raises(Unavailable, match="Postgres"):
        replay.run(settings.model_copy(update={"receipts_database_url": away}), ["x"])
    wrong = type(settings.feast_redis)("postgresql:///receipts?nonsense=1")
    with pytest.raises(BadSetting, match="RECEIPTS_DATABASE_URL is not a libpq URL"):
        replay.run(settings.model_copy(update={"receipts_database_url": wrong}), ["x"])
