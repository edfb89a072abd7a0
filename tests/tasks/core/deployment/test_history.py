"""Tests the record of deployments: the live one, those out of service, the target of a rollback, those that are kept."""

from datetime import timedelta

import pytest

from tasks.core.deployment.history import find_kept, find_live, find_needed, find_out_of_service, find_rollback_target
from tasks.core.deployment.record import Deployment
from tests.tasks.core.deployment.factories import NOW, make_deployment

HISTORY = [
    make_deployment(1, model_version="1", feature_set="F1"),
    make_deployment(2, model_version="1", feature_set="F2"),
    make_deployment(3, model_version="2", feature_set="F2"),
    make_deployment(4, live_at=None, ended_how="abandoned", model_version="3", feature_set="F9"),
    make_deployment(5, live=True, model_version="3", feature_set="F3", replaces=3),
]


def out(deployments: list[Deployment]) -> tuple[set[str], set[str]]:
    found = find_out_of_service(deployments)
    return set(found.models), set(found.feature_sets)


def test_one_deployment_is_live() -> None:
    assert find_live([]) is None
    assert find_live(HISTORY[:3]) is None
    assert find_live(HISTORY) == HISTORY[4]


def test_a_rollback_takes_out_all_that_came_after_its_target() -> None:
    assert out(HISTORY) == (set(), set())
    one_step = make_deployment(6, kind="rollback", model_version="2", feature_set="F2")
    assert out([*HISTORY, one_step]) == ({"3"}, {"F3"})
    two_steps = make_deployment(6, kind="rollback", model_version="1", feature_set="F2")
    assert out([*HISTORY, two_steps]) == ({"2", "3"}, {"F3"})
    forward = make_deployment(7, kind="rollback", model_version="3", feature_set="F3")
    assert out([*HISTORY, two_steps, forward]) == ({"1", "2"}, {"F2"})
    assert out([*HISTORY, two_steps, make_deployment(7, model_version="4", feature_set="F3")]) == ({"2", "3"}, set())


def test_a_rollback_to_parts_that_were_never_live_takes_out_all() -> None:
    unknown = make_deployment(6, kind="rollback", model_version="9", feature_set="F8")
    assert out([*HISTORY, unknown]) == ({"1", "2", "3"}, {"F1", "F2", "F3"})


def test_an_alias_moved_to_an_older_version_takes_out_the_newer_ones() -> None:
    by_hand = make_deployment(6, kind="alias", model_version="1", feature_set="F3", prediction_set="by hand")
    assert out([*HISTORY, by_hand]) == ({"2", "3"}, set())
    assert out([*HISTORY, make_deployment(6, kind="alias", model_version="4", feature_set="F3")]) == (set(), set())


def test_a_rollback_goes_to_the_previous_or_a_named_deployment() -> None:
    assert find_rollback_target(HISTORY, None) == HISTORY[2]
    assert find_rollback_target(HISTORY, 1) == HISTORY[0]


@pytest.mark.parametrize(
    ("deployments", "number", "reason"),
    [
        ([], None, "no deployment is live"),
        ([make_deployment(1, live=True)], None, "deployment 1 is the first one"),
        (HISTORY, 99, "there is no deployment 99"),
        (HISTORY, 4, "deployment 4 was never live"),
        (HISTORY, 5, "is live with the parts of deployment 5 already"),
        ([make_deployment(1), make_deployment(2, kind="rollback", live=True)], None, "deployment 2 is a rollback already"),
    ],
)
def test_a_rollback_without_a_target_is_refused(deployments: list[Deployment], number: int | None, reason: str) -> None:
    found = find_rollback_target(deployments, number)
    assert isinstance(found, str)
    assert reason in found


def test_the_last_ones_and_the_unfinished_ones_are_kept() -> None:
    unfinished = make_deployment(6, live_at=None, ended_at=None, ended_how=None)
    assert [each.deployment for each in find_kept([*HISTORY, unfinished], 2)] == [3, 5, 6]
    assert [each.deployment for each in find_kept(HISTORY, 9)] == [1, 2, 3, 5]


def test_what_receipts_are_replayed_from_is_needed_too() -> None:
    old, recent = NOW - timedelta(days=40), NOW - timedelta(days=20)
    history = [
        make_deployment(1, ended_at=old),
        make_deployment(2, ended_at=recent),
        make_deployment(3, live_at=None, ended_at=recent, ended_how="abandoned"),
        make_deployment(4, ended_at=recent),
        make_deployment(5, live=True, live_at=old),
    ]
    assert [each.deployment for each in find_needed(history, 1, NOW - timedelta(days=30))] == [2, 4, 5]
    assert [each.deployment for each in find_needed(history, 1, NOW)] == [5]
    assert [each.deployment for each in find_needed(history, 9, NOW)] == [1, 2, 4, 5]
