"""A second host runs the tasks, as infra/README.md describes it: a Celery worker in a Compose project and home of its own.

Both hosts are this machine. They meet only at an address of it, that of Docker's bridge, and share only the files that the
README copies. The first host is the platform of the other tests, which is started again with other settings.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from socket import AF_INET

import docker
import psutil
import pytest
import requests
from docker.models.containers import Container

from infra.platform.layout import REPOSITORY
from infra.platform.ports import find_free_ports
from tests.containers.platform import ContainerPlatform, wait_until

pytestmark = pytest.mark.containers


def find_bridge_address(engine: docker.DockerClient) -> str:
    """The address of this machine on Docker's default bridge, which containers of every network reach."""
    subnet = engine.networks.get("bridge").attrs["IPAM"]["Config"][0]["Subnet"]
    addresses = [ip_address(link.address) for links in psutil.net_if_addrs().values() for link in links if link.family == AF_INET]
    return str(next(address for address in addresses if address in ip_network(subnet)))


@pytest.fixture(scope="module")
def first_host(containers_platform: ContainerPlatform, engine: docker.DockerClient) -> Iterator[ContainerPlatform]:
    """The platform with its tasks given to workers, its stores and its servers on a private address."""
    address, port = find_bridge_address(engine), find_free_ports(1)[0]
    settings = containers_platform.settings
    first = ContainerPlatform(settings.model_copy(update={"bind_address": address, "bind_stores": address}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_EXECUTOR", "CeleryExecutor")
        patch.setenv("MLFLOW_ALLOWED_HOSTS", f"{address}:{settings.mlflow_port}")
        patch.setenv("WORKER_LOG_PORT", str(port))
        for spelling in ("NO_PROXY", "no_proxy"):  # the second host has the address of the first, which calls it for logs
            patch.setenv(spelling, address)
        for words in (("secrets", "--for-worker", address), ("up", "--docker")):
            done = first.command(*words)
            assert done.returncode == 0, done.stdout
        yield first


@dataclass(frozen=True)
class SecondHost(ContainerPlatform):
    """Runs commands on the second host, which has a project of its own."""

    project: str = field(kw_only=True)

    def environment(self) -> dict[str, str]:
        mine = {"COMPOSE_PROJECT_NAME": self.project, "WORKER_HOSTNAME": self.settings.bind_stores}
        return {**super().environment(), **mine, "DOCKER_GID": str(os.stat("/var/run/docker.sock").st_gid)}

    def compose(self, *words: str) -> None:
        command = self.containers.command("--profile", "worker", *words)
        done = subprocess.run(command, env=self.environment(), cwd=REPOSITORY, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    @property
    def worker(self) -> Container:
        return self.engine.containers.get(f"{self.project}-airflow-worker-1")


@pytest.fixture(scope="module")
def second_host(first_host: ContainerPlatform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecondHost]:
    """The second host with its Celery worker, ready."""
    home = tmp_path_factory.mktemp("second")
    shutil.copytree(first_host.settings.layout.home / "compose-worker", home / "compose")
    settings = first_host.settings.model_copy(update={"marquee_home": home})
    second = SecondHost(settings, project=f"{first_host.containers.project}-second")
    try:
        second.compose("up", "--detach")
        wait_until(lambda: b" ready." in second.worker.logs(), 180, "the worker's start")
        yield second
    finally:
        second.compose("down", "--volumes", "--timeout", "5")


def test_a_task_of_the_second_host_has_its_log_on_the_first(first_host: ContainerPlatform, second_host: SecondHost) -> None:
    run = first_host.airflow.trigger("killed_once", {})
    task = first_host.wait_for_end("killed_once", run)
    assert (task["state"], task["hostname"]) == ("success", second_host.worker.attrs["Config"]["Hostname"])
    log = first_host.log("killed_once", run, 1)
    assert f"http://{first_host.settings.bind_stores}:" in log
    assert "feature rows, content" in log


@pytest.mark.usefixtures("second_host")
def test_the_doctor_is_content_with_the_first_host(first_host: ContainerPlatform) -> None:
    doctor = first_host.command("doctor")
    assert doctor.returncode == 0, doctor.stdout


@pytest.mark.usefixtures("second_host")
def test_the_api_answers_at_the_private_address(first_host: ContainerPlatform) -> None:
    (movie_id,) = first_host.query("select movie_id from prediction order by movie_id limit 1")[0]
    address = f"http://{first_host.settings.bind_address}:{first_host.settings.api_port}"
    answer = requests.get(f"{address}/predict", params={"movie_id": movie_id}, timeout=10)
    assert answer.status_code == 200, answer.text


def test_the_commands_on_the_second_host_are_about_its_worker(second_host: SecondHost) -> None:
    second_host.wait_until_well(600)  # Compose asks the worker once a minute, and on a busy machine an answer may come late
    status = second_host.command("status")
    assert (status.returncode, "airflow-worker" in status.stdout, "postgres" in status.stdout) == (0, True, False), status.stdout
    logs = second_host.command("logs", "airflow-worker")
    assert (logs.returncode, " ready." in logs.stdout) == (0, True), logs.stdout
    up = second_host.command("up", "--docker")
    assert (up.returncode, "copied from the first host" in up.stdout) == (1, True), up.stdout


def test_down_on_the_second_host_names_what_starts_it_again(second_host: SecondHost) -> None:
    down = second_host.command("down")
    assert down.returncode == 0, down.stdout
    assert "`docker compose --profile worker up --detach` starts again" in down.stdout
