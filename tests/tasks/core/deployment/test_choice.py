"""Tests the choice of the next deployment: newer parts that fit, never older ones or those that a person took out of service."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.deployment.choice import Choice, choose_features, choose_model, describe_new
from tasks.core.deployment.history import OutOfService, find_out_of_service
from tasks.core.deployment.record import Deployment
from tests.tasks.core.deployment.factories import make_deployment, make_features, make_model

DAY = date(2026, 11, 26)
NOTHING_OUT = OutOfService({}, {})
LIVE = make_deployment(7, live=True, model_version="3", feature_set="F20")
SETS = [make_features(19), make_features(20)]
MODELS = [make_model(2), make_model(3)]


def assert_chosen(chosen: Choice | str, version: str, feature_set: str) -> None:
    assert isinstance(chosen, Choice), chosen
    assert (chosen.model.version, chosen.features.feature_set) == (version, feature_set)


def test_newer_features_go_live_with_the_live_model() -> None:
    assert_chosen(choose_features(DAY, LIVE, MODELS, [*SETS, make_features(21)], NOTHING_OUT), "3", "F21")


def test_of_two_sets_of_a_day_the_later_one_goes_live() -> None:
    second = make_features(21, feature_set="F21b", published_at="2026-11-21T09:00:00+00:00")
    assert_chosen(choose_features(DAY, LIVE, MODELS, [*SETS, second, make_features(21)], NOTHING_OUT), "3", "F21b")


def test_a_newer_model_goes_live_with_the_newest_features() -> None:
    models = [*MODELS, make_model(4), make_model(5, passed=False)]
    assert_chosen(choose_model(DAY, LIVE, models, [*SETS, make_features(21)], NOTHING_OUT), "4", "F21")


def test_the_first_deployment_is_the_newest_of_both() -> None:
    assert_chosen(choose_model(DAY, None, MODELS, SETS, NOTHING_OUT), "3", "F20")


def test_a_model_of_other_features_goes_live_with_a_set_that_fits_it() -> None:
    models, sets = [*MODELS, make_model(4, schema_hash="new")], [*SETS, make_features(21, schema_hash="new")]
    assert_chosen(choose_model(DAY, LIVE, models, [*sets, make_features(22)], NOTHING_OUT), "4", "F21")
    chosen = choose_model(DAY, LIVE, models, SETS, NOTHING_OUT)
    assert chosen == (
        "version 4 of the model is not deployed: no feature set of 2026-11-20 to 2026-11-26 is prepared for it: "
        "run publish_features"
    )


@pytest.mark.parametrize(
    ("day", "live", "models", "sets", "reason"),
    [
        (DAY, None, MODELS, SETS, "no model is live yet"),
        (DAY, LIVE, [make_model(2)], SETS, "version 3 is live and MLflow no longer has it"),
        (
            date(2026, 11, 19),
            LIVE,
            MODELS,
            SETS,
            "the live features are of 2026-11-20, later than 2026-11-19: an older",
        ),
        (DAY, LIVE, MODELS, SETS[:1], "no feature set of 2026-11-20 to 2026-11-26 is prepared"),
        (DAY, LIVE, MODELS, [*SETS, make_features(21, schema_hash="new")], "was trained on other features than feature set F21"),
        (DAY, LIVE, MODELS, SETS, "deployment 7 stays live, nothing newer may replace it"),
    ],
)
def test_no_newer_features(day: date, live: object, models: list[object], sets: list[object], reason: str) -> None:
    chosen = choose_features(day, live, models, sets, NOTHING_OUT)  # type: ignore[arg-type]
    assert isinstance(chosen, str)
    assert reason in chosen


@pytest.mark.parametrize(
    ("live", "models", "sets", "reason"),
    [
        (None, [], SETS, "no version of the model has passed the promotion gate"),
        (None, [make_model(1, passed=False)], SETS, "no version of the model has passed the promotion gate"),
        (None, MODELS, [], "no feature set of any day to 2026-11-26 is prepared"),
        (LIVE, MODELS, SETS, "deployment 7 stays live"),
        (LIVE, [make_model(2)], SETS, "no version of the model has passed the promotion gate since the live one"),
        (LIVE, [make_model(2), make_model(3, passed=False)], SETS, "deployment 7 stays live"),
    ],
)
def test_no_newer_model(live: object, models: list[object], sets: list[object], reason: str) -> None:
    chosen = choose_model(DAY, live, models, sets, NOTHING_OUT)  # type: ignore[arg-type]
    assert isinstance(chosen, str)
    assert reason in chosen


def test_what_a_rollback_left_behind_stays_out_until_there_is_something_newer() -> None:
    before = make_deployment(1, model_version="3", feature_set="F20")
    worse = make_deployment(2, model_version="4", feature_set="F21")
    back = make_deployment(3, live=True, kind="rollback", model_version="3", feature_set="F20")
    out = find_out_of_service([before, worse, back])
    models, sets = [*MODELS, make_model(4)], [*SETS, make_features(21)]
    told = "deployment 3 stays live, nothing newer may replace it; "
    set_told = "feature set F21 was taken out of service by deployment 3"
    assert choose_features(DAY, back, models, sets, out) == told + set_told
    assert choose_model(DAY, back, models, sets, out) == f"{told}version 4 was taken out of service by deployment 3; {set_told}"
    assert_chosen(choose_features(DAY, back, models, [*sets, make_features(22)], out), "3", "F22")
    assert_chosen(choose_model(DAY, back, [*models, make_model(5)], sets, out), "5", "F20")


@pytest.mark.parametrize(
    ("live", "version", "day", "reason"),
    [
        (None, 3, 20, "version 3 passed the promotion gate and features of 2026-11-20 were prepared"),
        (LIVE, 4, 20, "version 4 passed the promotion gate"),
        (LIVE, 3, 21, "features of 2026-11-21 were prepared"),
        (LIVE, 4, 21, "version 4 passed the promotion gate and features of 2026-11-21 were prepared"),
    ],
)
def test_the_reason_names_what_is_new(live: Deployment | None, version: int, day: int, reason: str) -> None:
    assert describe_new(Choice(make_model(version), make_features(day)), live) == reason


numbers = st.integers(1, 28)


@given(day=numbers, live=numbers, version=st.integers(1, 6), sets=st.sets(numbers), versions=st.sets(st.integers(1, 6)))
def test_an_older_part_never_goes_live_automatically(
    day: int, live: int, version: int, sets: set[int], versions: set[int]
) -> None:
    deployment = make_deployment(9, live=True, model_version=str(version), feature_set=f"F{live}")
    features = [make_features(number) for number in sorted(sets | {live})]
    models = [make_model(number) for number in sorted(versions | {version})]
    for choose in (choose_features, choose_model):
        chosen = choose(date(2026, 11, day), deployment, models, features, NOTHING_OUT)
        if isinstance(chosen, Choice):
            assert live <= int(chosen.features.feature_set[1:]) <= day
            assert int(chosen.model.version) >= version
            assert (chosen.model.version, chosen.features.feature_set) != (str(version), f"F{live}")
