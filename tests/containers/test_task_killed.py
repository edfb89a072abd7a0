"""Kills tasks in every way: each ends with the right reason, leaves no container, and exactly one of its attempts commits.

Each test changes one movie, so that the killed `build_features` has exactly one row to append, and catches its container in
the middle of its work by freezing it.
"""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psutil
import pytest

from tests.containers.platform import ContainerPlatform, wait_until

pytestmark = pytest.mark.containers


@dataclass
class World:
    """The platform, with one movie changed since the last build."""

    platform: ContainerPlatform
    before: dict[str, Any]

    def read(self) -> dict[str, Any]:
        state: dict[str, Any] = self.platform.run_in_tasks("state")
        return state

    def commits(self, after: dict[str, Any]) -> int:
        """Snapshots that were appended to the offline store since."""
        return int(after["snapshots"]) - int(self.before["snapshots"])

    def assert_swept_and_whole(self, run: str, commits: int) -> None:
        self.platform.sweep()
        assert self.platform.task_containers(run) == []
        wait_until(lambda: not self.platform.locks(), 180, "the end of the killed task's session in Postgres")
        after = self.read()
        assert self.commits(after) == commits
        assert {name: after[name] for name in ("tables", "redis", "champion")} == {
            name: self.before[name] for name in ("tables", "redis", "champion")
        }


@pytest.fixture
def world(containers_platform: ContainerPlatform) -> Iterator[World]:
    """The platform with one movie changed; a container that a failed test leaves is removed, so that it fails no later test."""
    platform = containers_platform
    platform.query(
        """update movie set runtime_minutes = coalesce(runtime_minutes, 90) + 1
            where movie_id = (select min(movie_id) from movie)"""
    )
    yield World(platform, platform.run_in_tasks("state"))
    for left in platform.task_containers():
        if left.labels["marquee.dag"].startswith("killed_"):
            left.remove(force=True)


def start(world: World, dag: str) -> str:
    return world.platform.airflow.trigger(dag, {})


def scheduler_processes(world: World, title: str) -> list[psutil.Process]:
    """The scheduler's processes whose command line holds `title`, as the host sees them."""
    main = psutil.Process(world.platform.service("airflow-scheduler").attrs["State"]["Pid"])
    return [process for process in main.children(recursive=True) if title in read_title(process)]


def read_title(process: psutil.Process) -> str:
    """Return the command line; '' of a process that has ended meanwhile."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def kill_task_process(world: World, dag: str, run: str) -> None:
    """SIGKILL the process that runs the operator, a child of the scheduler's worker; its title holds the id of the task."""
    workers = {process.pid for process in scheduler_processes(world, "LocalExecutor")}
    title = f"airflow worker -- {world.platform.task(dag, run)['id']}"
    (runner,) = [process for process in scheduler_processes(world, title) if process.ppid() in workers]
    runner.send_signal(signal.SIGKILL)


def test_execution_timeout(world: World) -> None:
    with world.platform.movies_locked():  # it cannot end before its time is over
        run = start(world, "killed_by_time")
        assert world.platform.wait_for_end("killed_by_time", run)["state"] == "failed"
    assert "AirflowTaskTimeout" in world.platform.log("killed_by_time", run, 1)
    wait_until(lambda: not world.platform.task_containers(run), 30, "the container's end")
    world.assert_swept_and_whole(run, commits=0)


def test_marked_failed_by_the_api(world: World) -> None:
    run, _ = world.platform.start_and_catch("killed_once")
    path = f"dags/killed_once/dagRuns/{run}/taskInstances/build_features"
    answer = world.platform.airflow.ask("PATCH", path, json={"new_state": "failed"})
    assert answer.ok, answer.text
    assert world.platform.wait_for_end("killed_once", run)["state"] == "failed"
    wait_until(lambda: not world.platform.task_containers(run), 60, "the container's end")
    log = world.platform.log("killed_once", run, 1)
    # The DAG sweep, every five minutes, may end the container first: to it the attempt has ended.
    assert "stopping container" in log or "was killed from outside by SIGKILL" in log
    world.assert_swept_and_whole(run, commits=0)


def test_sigkill_of_the_task_process(world: World) -> None:
    """Its container stays, and nobody waits for it; the sweeper removes it."""
    run, caught = world.platform.start_and_catch("killed_once")
    kill_task_process(world, "killed_once", run)
    assert world.platform.wait_for_end("killed_once", run)["state"] == "failed"
    assert [left.id for left in world.platform.task_containers(run)] == [caught.id]
    world.assert_swept_and_whole(run, commits=0)


def test_sigkill_of_the_task_process_that_is_tried_again(world: World) -> None:
    """The next try removes the container of the one before."""
    run, caught = world.platform.start_and_catch("killed_and_retried")
    kill_task_process(world, "killed_and_retried", run)
    assert world.platform.wait_for_end("killed_and_retried", run)["state"] == "success"
    assert world.platform.task("killed_and_retried", run)["try_number"] == 2
    assert f"removing container {str(caught.id)[:12]}" in world.platform.log("killed_and_retried", run, 2)
    world.assert_swept_and_whole(run, commits=1)


def test_sigkill_of_the_scheduler_and_its_workers(world: World) -> None:
    """Nobody knows any more that the task ran: the next scheduler starts it anew, and that try removes the container."""
    run, caught = world.platform.start_and_catch("killed_once")
    scheduler = world.platform.service("airflow-scheduler")
    for process in scheduler_processes(world, ""):
        process.send_signal(signal.SIGKILL)
    os.kill(scheduler.attrs["State"]["Pid"], signal.SIGKILL)
    assert world.platform.wait_for_end("killed_once", run)["state"] == "success"
    assert f"removing container {str(caught.id)[:12]}" in world.platform.log("killed_once", run, 2)
    world.assert_swept_and_whole(run, commits=1)
    world.platform.wait_until_well(60)


def test_a_restart_of_the_filter_neither_ends_the_task_nor_loses_its_log(world: World) -> None:
    """The runner waits for the filter, reads the output on and learns how the container ended."""
    run, caught = world.platform.start_and_catch("killed_once")
    world.platform.service("docker-filter").restart(timeout=5)
    caught.unpause()
    assert world.platform.wait_for_end("killed_once", run)["state"] == "success"
    assert world.platform.task("killed_once", run)["try_number"] == 1
    log = world.platform.log("killed_once", run, 1)
    assert "the connection to the Docker engine was cut" in log
    assert log.count("tagged build-") == 1, log
    world.assert_swept_and_whole(run, commits=1)


def test_docker_kill_of_the_container(world: World) -> None:
    run, caught = world.platform.start_and_catch("killed_and_retried")
    caught.unpause()
    caught.kill()
    assert world.platform.wait_for_end("killed_and_retried", run)["state"] == "success"
    assert "was killed from outside" in world.platform.log("killed_and_retried", run, 1)
    world.assert_swept_and_whole(run, commits=1)


def test_out_of_memory(world: World) -> None:
    """Another try would end as this one did, so there is none."""
    run = start(world, "killed_by_memory")
    task = world.platform.wait_for_end("killed_by_memory", run)
    assert (task["state"], task["try_number"]) == ("failed", 1)
    assert "ran out of memory: its limit of 96m was reached" in world.platform.log("killed_by_memory", run, 1)
    world.assert_swept_and_whole(run, commits=0)


def test_of_two_attempts_at_once_one_commits(world: World) -> None:
    """The worst case: nobody removed the first attempt's container, and it wakes when a later one has committed."""
    run, frozen = world.platform.start_and_catch("killed_and_retried")
    shown = world.platform.engine.api.inspect_container(str(frozen.id))
    variables = [given for given in shown["Config"]["Env"] if not given.startswith("TASK_ATTEMPT=")]
    later = f"TASK_ATTEMPT=killed_and_retried/{run}/build_features/9"
    network = f"{world.platform.containers.project}_tasks"
    world.platform.engine.containers.run(
        shown["Config"]["Image"], shown["Config"]["Cmd"], environment=[*variables, later], network=network, remove=True
    )
    assert world.commits(world.read()) == 1
    frozen.unpause()
    assert world.platform.wait_for_end("killed_and_retried", run)["state"] == "success"
    assert "Superseded" in world.platform.log("killed_and_retried", run, 1)
    world.assert_swept_and_whole(run, commits=1)


def test_another_run_is_refused_while_the_first_lives(world: World) -> None:
    first, frozen = world.platform.start_and_catch("killed_and_retried")
    second = start(world, "killed_once")
    refused = world.platform.wait_for_end("killed_once", second)
    assert refused["state"] == "failed"
    assert "is at work" in world.platform.log("killed_once", second, 1)
    frozen.unpause()
    assert world.platform.wait_for_end("killed_and_retried", first)["state"] == "success"
    world.assert_swept_and_whole(first, commits=1)
