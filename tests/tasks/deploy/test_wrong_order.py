"""Days in the wrong order, as the verbs meet them: a cleared task of an old run, a clock that was set back, two runs at once."""

from datetime import UTC, datetime, time, timedelta

import pytest

from tasks import build_features, deploy, predict_all, publish_features
from tasks.command import choose_day
from tasks.core.errors import Busy
from tasks.io import world
from tasks.io.deployments import flip, predictions
from tasks.io.postgres.lease import take
from tasks.settings import Settings
from tests.clocks import clock_at
from tests.serving.tiny_models import export_onnx
from tests.tasks.deploy.changes import add_minutes, change_movies
from tests.tasks.deployments import assert_one_whole_deployment_is_live, read_key, read_record
from tests.tasks.movies import FEATURES, TODAY, crown, fit, publish_day
from tests.tasks.settings_factory import deploy_features, deploy_model, number_attempt, run_verb

pytestmark = pytest.mark.integration

YESTERDAY = TODAY - timedelta(days=1)


def test_a_cleared_task_of_an_old_run_deploys_neither_its_features_nor_a_newer_model(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    change_movies(settings)
    deploy_features(settings, TODAY)
    version = crown(settings, export_onnx(fit(settings, 8), FEATURES))
    record, key = read_record(settings), read_key(settings, flip.POINTER)
    with caplog.at_level("INFO", "tasks"):
        for clear in (deploy_features, deploy_model):
            clear(settings, YESTERDAY)
    assert caplog.text.count(f"later than {YESTERDAY}: an older day never goes live by itself") >= 2
    assert (read_record(settings), read_key(settings, flip.POINTER)) == (record, key)
    deploy_model(settings, TODAY)
    assert assert_one_whole_deployment_is_live(settings).model_version == version


def test_while_the_clock_is_set_back_nothing_goes_live_and_after_it_the_next_features_do(settings: Settings) -> None:
    record, key = read_record(settings), read_key(settings, flip.POINTER)
    add_minutes(settings, 1)
    back = datetime.combine(YESTERDAY, time(12), UTC)
    with clock_at(back, "UTC", world, build_features, publish_features, predictions):
        day = choose_day(settings, None, due=False)
        assert day == YESTERDAY
        publish_day(settings, day)
        deploy_features(settings, day)
        deploy_model(settings, day)
    assert (read_record(settings), read_key(settings, flip.POINTER)) == (record, key)
    change_movies(settings)
    deploy_features(settings, TODAY)
    live = assert_one_whole_deployment_is_live(settings)
    assert (live.replaces, live.day) == (record[-1].deployment, TODAY)
    assert live.content_hash != record[-1].content_hash


def test_of_two_refreshes_at_once_the_later_day_stays_live(settings: Settings) -> None:
    """Their tasks take turns, and the older day's are the last."""
    older, newer = (number_attempt(settings, 1, run) for run in ("of yesterday", "of today"))
    add_minutes(settings, 1)
    run_verb(build_features, older, YESTERDAY)
    add_minutes(settings, 1)
    run_verb(build_features, newer, TODAY)
    with (
        take(older, "publish_features"),
        pytest.raises(Busy, match="publish_features is at work for attempt 1 of refresh_movies/of yesterday"),
    ):
        run_verb(publish_features, newer, TODAY)
    for verb, options in ((publish_features, {}), (predict_all, {"part": "features"}), (deploy, {"part": "features"})):
        run_verb(verb, newer, TODAY, **options)
        run_verb(verb, older, YESTERDAY, **options)
    live = assert_one_whole_deployment_is_live(settings)
    assert live.day == TODAY
    record = read_record(settings)
    assert record[-1] == live
    for deploy_again in (deploy_features, deploy_model):
        deploy_again(settings, TODAY)
    assert read_record(settings) == record
