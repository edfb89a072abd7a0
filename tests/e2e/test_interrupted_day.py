"""A crash in the middle of a day: after `marquee day` goes on, the state is that of a run without a crash."""

import subprocess
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.platform.layout import REPOSITORY
from tests.e2e.checks import wait_until_idle
from tests.e2e.platform import Platform, bring_up
from tests.e2e.world_checks import read_world_day

MOVIES = 600
MOVE_SECONDS = 900


def run_straight(platform: Platform, first: date) -> None:
    moved = platform.command("day", f"{first + timedelta(2)}")
    assert moved.returncode == 0, moved.stdout


def kill_when_the_world_moves(platform: Platform, words: list[str], day: date) -> None:
    """Run `marquee …`, and kill it (SIGKILL) as soon as the world's day is this one."""
    command = ["sh", "infra/local/bootstrap.sh", *words]
    process = subprocess.Popen(command, cwd=REPOSITORY, env=platform.environment(), stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + MOVE_SECONDS
    while read_world_day(platform) < day:
        assert process.poll() is None, "the command ended before the world moved"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.wait()


def run_interrupted(platform: Platform, first: date) -> None:
    """The command dies on the first day once the world has moved, and on the second one while the pipeline runs."""
    last = first + timedelta(2)
    kill_when_the_world_moves(platform, ["day", f"{last}"], first + timedelta(1))
    kill_when_the_world_moves(platform, ["day", f"{last}"], last)
    platform.airflow.trigger("refresh_movies", {"day": f"{last}"})  # as the command had done if it had died a moment later
    resumed = platform.command("day", f"{last}")
    assert resumed.returncode == 0, resumed.stdout


def read_fingerprint(home: Path, run: Callable[[Platform, date], None]) -> dict[str, Any]:
    """Return what the platform has after the run; built again from the archive, none of its days may change anything."""
    with bring_up(home, sample_films=MOVIES) as platform:
        first = read_world_day(platform)
        run(platform, first)
        wait_until_idle(platform)
        fingerprint: dict[str, Any] = platform.run_in_tasks("fingerprint")
        before = platform.run_in_tasks("state")
        built = platform.command("backfill", f"{first}", f"{first + timedelta(2)}")
        assert built.returncode == 0, built.stdout
        assert platform.run_in_tasks("state") == before
    return {"first": f"{first}", **fingerprint}


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return read_fingerprint(tmp_path_factory.mktemp("interrupted"), run_interrupted)


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return read_fingerprint(tmp_path_factory.mktemp("straight"), run_straight)


@pytest.mark.e2e
def test_after_a_crash_in_the_middle_of_a_day_the_state_is_that_of_a_straight_run(
    interrupted: dict[str, Any], straight: dict[str, Any]
) -> None:
    assert interrupted["first"] == straight["first"], "a midnight came in between: run the test again"
    assert interrupted == straight
