"""Tests that record and pointer name one deployment after a kill at any step and after a loss of Redis."""

from datetime import date

import pytest

from tasks.core.deployment.alias import AliasAction, decide_alias
from tasks.core.deployment.healing import decide_healing
from tasks.core.deployment.pointer import read_number, read_world_day, render_pointer
from tests.tasks.core.deployment.factories import make_deployment, make_features, make_model

BEFORE = make_deployment(16)
LIVE = make_deployment(17, live=True, model_version="3")
UNFINISHED = make_deployment(18, live_at=None, ended_at=None, ended_how=None)
OLDER = make_deployment(15, live_at=None, ended_at=None, ended_how=None)


def test_nothing_is_done_while_both_name_one() -> None:
    healing = decide_healing([BEFORE, LIVE], 17)
    assert (healing.finish, healing.rewrite, healing.abandon) == (None, None, ())


def test_one_killed_before_the_pointer_is_abandoned() -> None:
    healing = decide_healing([OLDER, BEFORE, LIVE, UNFINISHED], 17)
    assert (healing.finish, healing.rewrite, healing.abandon) == (None, None, (OLDER, UNFINISHED))


def test_one_killed_after_the_pointer_is_finished() -> None:
    healing = decide_healing([BEFORE, LIVE, UNFINISHED], 18)
    assert (healing.finish, healing.rewrite, healing.abandon) == (UNFINISHED, None, ())


@pytest.mark.parametrize("pointer", [None, 16, 99], ids=["lost", "restored from an older copy", "of another database"])
def test_the_record_decides_where_the_pointer_names_no_deployment_that_may_be_live(pointer: int | None) -> None:
    healing = decide_healing([BEFORE, LIVE], pointer)
    assert (healing.finish, healing.rewrite, healing.abandon) == (None, LIVE, ())


def test_before_the_first_deployment_there_is_nothing_to_heal() -> None:
    healing = decide_healing([], None)
    assert (healing.finish, healing.rewrite, healing.abandon) == (None, None, ())


def test_the_pointer_holds_all_three_parts() -> None:
    told = {"database_key": "k", "database_sha256": "h", "database_bytes": 9, "movies": 3}
    body = render_pointer(LIVE, make_features(1), told)
    assert read_number(body) == 17
    text = body.decode()
    assert '"model": {"name": "movie-rating", "version": "3", "sha256": "m", "release_sha256": "r"}' in text
    assert '"snapshot_id": "8541223904412345678"' in text
    assert '"predictions": {"prediction_set": "P3F1", "database_key": "k"' in text


@pytest.mark.parametrize("pointer", [None, b"", b"[]", b'"x"', b"{}", b'{"deployment": "17"}'])
def test_a_malformed_pointer_names_no_deployment(pointer: bytes | None) -> None:
    assert read_number(pointer) is None
    assert read_world_day(pointer) is None


def test_a_pointer_has_the_samples_day_but_none_for_real_movies() -> None:
    told = {"database_key": "k", "database_sha256": "h", "database_bytes": 9, "movies": 3}
    assert read_world_day(render_pointer(LIVE, make_features(1), told, date(2027, 2, 24))) == "2027-02-24"
    assert read_world_day(render_pointer(LIVE, make_features(1), told)) is None


@pytest.mark.parametrize(
    ("alias", "alias_at", "action"),
    [
        ("3", LIVE.alias_at, AliasAction.KEEP),
        ("3", None, AliasAction.SET),
        ("2", None, AliasAction.SET),
        (None, LIVE.alias_at, AliasAction.SET),
        ("2", LIVE.alias_at, AliasAction.DEPLOY),
        ("4", LIVE.alias_at, AliasAction.PUT_BACK),
        ("9", LIVE.alias_at, AliasAction.PUT_BACK),
    ],
)
def test_the_alias_follows_or_makes_a_deployment(alias: str | None, alias_at: object, action: AliasAction) -> None:
    live = make_deployment(17, live=True, model_version="3", alias_at=alias_at)
    models = [make_model(2), make_model(3), make_model(4, schema_hash="of other features")]
    decided, reason = decide_alias(live, alias, models)
    assert decided is action
    assert reason


def test_an_alias_stays_if_mlflow_lost_the_live_version() -> None:
    decided, reason = decide_alias(LIVE, None, [make_model(2)])
    assert decided is AliasAction.KEEP
    assert "MLflow has no version 3 any more" in reason
