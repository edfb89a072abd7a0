"""Checks after the sample's world has moved to another day."""

from datetime import date, timedelta
from typing import Any

from infra.local.stack import Stack
from infra.platform.connections import read_json, read_pointer
from tests.e2e.checks import wait_until_idle
from tests.e2e.platform import Platform
from tests.examples import check_answer, read_promise

DAY_SECONDS = 86_400


def read_world_day(platform: Platform) -> date:
    return date.fromisoformat(read_json(f"{Stack.load(platform.settings).endpoints.sources.url}/world")["day"])


def ask_for_fresh_features(platform: Platform, movie_id: str) -> dict[str, Any]:
    """Return the answer from them, or the third one: on a busy machine a read of Redis may miss its deadline."""
    answer: dict[str, Any] = {}
    for _ in range(3):
        answer = platform.ask(movie_id).json()
        if answer["feature_source"] == "fresh":
            break
    return answer


def check_the_world_moves_on(platform: Platform) -> None:
    """A day on, its features are live and none is stale; built again from the archive, no day changes anything."""
    first = read_world_day(platform)
    moved = platform.command("day", "+1")
    assert moved.returncode == 0, moved.stdout
    day = first + timedelta(1)
    assert f"{day}: announced " in moved.stdout
    check_answer(moved.stdout, read_promise(".marquee/bin/marquee day +30"))
    pointer = read_pointer(Stack.load(platform.settings).endpoints)
    assert pointer is not None
    assert (pointer["world_day"], pointer["features"]["day"]) == (f"{day}", f"{day}")
    for movie_id in platform.run_in_tasks("expected", "100")["ratings"]:
        answer = ask_for_fresh_features(platform, movie_id)
        assert (answer["feature_source"], answer["feature_age_seconds"] < DAY_SECONDS) == ("fresh", True), answer

    wait_until_idle(platform)
    before = platform.run_in_tasks("state")
    built = platform.command("backfill", f"{first}", f"{day}")
    assert built.returncode == 0, built.stdout
    assert platform.run_in_tasks("state") == before
    refused = platform.command("backfill", f"{first - timedelta(1)}", f"{day}")
    assert refused.returncode != 0
    assert f"the archive of raw files begins on {first}" in refused.stdout
