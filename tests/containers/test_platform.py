"""The platform in containers does what the embedded one does, each task in a container of its own."""

import json
from typing import Any

import pytest

from tests.containers.platform import ContainerPlatform
from tests.containers.task_containers import TaskContainers
from tests.e2e import checks
from tests.e2e.platform import SAMPLE_FILMS, bring_up

pytestmark = pytest.mark.containers
MAINTENANCE = ("clean_history", "reconcile", "sweep")
TASKS = {"ingest_imdb", "ingest_tmdb", "build_features", "audit_skew", "publish_features", "train_model", "predict_all", "deploy"}


def test_nothing_is_red_after_up(containers_platform: ContainerPlatform) -> None:
    checks.check_nothing_is_red(containers_platform)


def test_the_doctor_finds_all_well(containers_platform: ContainerPlatform) -> None:
    doctor = containers_platform.command("doctor")
    assert doctor.returncode == 0, doctor.stdout


def test_answers_equal_scikit_learn_on_the_offline_features(containers_platform: ContainerPlatform) -> None:
    checks.check_answers_equal_scikit_learn(containers_platform, 100)
    checks.check_unknown_movies_are_404(containers_platform, 20)


def test_the_feast_cli_reads_the_live_set(containers_platform: ContainerPlatform) -> None:
    views = containers_platform.command("feast", "feature-views", "list")
    assert views.returncode == 0, views.stdout
    assert "movies" in views.stdout


def test_each_task_has_its_own_container_which_is_removed(
    containers_platform: ContainerPlatform, task_containers: TaskContainers
) -> None:
    tasks = [labels for labels in task_containers.created if labels["marquee.dag"] not in MAINTENANCE]
    assert {made["marquee.task"] for made in tasks} == TASKS
    assert {made["image"] for made in tasks} == {"marquee/tasks:test"}
    tries = [tuple(made[f"marquee.{name}"] for name in ("dag", "run", "task", "try")) for made in tasks]
    assert len(set(tries)) == len(tries)
    assert [left for left in containers_platform.task_containers() if left.labels["marquee.dag"] not in MAINTENANCE] == []


def test_answers_replay_equal_in_a_container(containers_platform: ContainerPlatform) -> None:
    checks.check_answers_replay_equal(containers_platform, 20)


def test_no_service_runs_as_root_or_may_write_to_its_image(containers_platform: ContainerPlatform) -> None:
    for name, row in containers_platform.containers.inspect().items():
        details = containers_platform.engine.api.inspect_container(row["ID"])
        host = details["HostConfig"]
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert not host["Privileged"], name
        assert host["Memory"], name
        assert host["PidsLimit"], name
        published = [binding["HostIp"] for each in (host["PortBindings"] or {}).values() for binding in each]
        assert set(published) <= {"127.0.0.1"}, name
        assert details["Config"]["User"] not in {"", "0", "root", "0:0"}, name
        if details["Config"]["Image"].startswith("marquee/"):
            assert details["Config"]["User"] == "10001:10001", name
            assert len(details["Config"]["Labels"]["org.opencontainers.image.revision"].removesuffix("-dirty")) == 40, name


def test_the_embedded_stack_gives_the_same_results_for_the_same_movies(
    containers_platform: ContainerPlatform, sample_fingerprints: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Tables, features, the model's metrics and its very bytes, every movie's rating."""
    fingerprint = containers_platform.run_in_tasks("fingerprint")
    day = fingerprint["day"]
    if day not in sample_fingerprints:  # these tests run alone, or a midnight came in between
        with bring_up(tmp_path_factory.mktemp("sample"), sample_films=SAMPLE_FILMS) as embedded:
            sample_fingerprints[day] = embedded.run_in_tasks("fingerprint")
    assert sample_fingerprints[day] == fingerprint


def test_down_leaves_no_container_and_keeps_the_data(containers_platform: ContainerPlatform) -> None:
    before = containers_platform.run_in_tasks("state")
    down = containers_platform.command("down")
    assert down.returncode == 0, down.stdout
    assert "`make up ARGS=--docker` starts again" in down.stdout
    assert json.dumps(containers_platform.containers.inspect()) == "{}"
    assert containers_platform.task_containers() == []
    up = containers_platform.command("up", "--docker")
    assert up.returncode == 0, up.stdout
    assert containers_platform.run_in_tasks("state") == before
