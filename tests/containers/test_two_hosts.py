"""A second host runs the tasks, as infra/README.md describes it: a Celery worker in a Compose project and home of its own.

Both hosts are this machine. They meet only at an address of it, that of Docker's bridge, and share only the files that the
README copies. The first host is the platform of the other tests, which is started again with other settings.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
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


@pytest.fixture(scope="module")
def worker(first_host: ContainerPlatform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """The Celery worker of the second host, ready; its container."""
    home = tmp_path_factory.mktemp("second")
    shutil.copytree(first_host.settings.layout.home / "compose-worker", home / "compose")
    project, address = f"{first_host.containers.project}-second", first_host.settings.bind_stores
    environment = {
        **os.environ,
        "COMPOSE_PROJECT_NAME": project,
        "MARQUEE_HOME": str(home),
        "BIND_STORES": address,
        "WORKER_HOSTNAME": address,
        "DOCKER_GID": str(os.stat("/var/run/docker.sock").st_gid),
    }

    def compose(*words: str) -> None:
        command = first_host.containers.command("--profile", "worker", *words)
        done = subprocess.run(command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    try:
        compose("up", "--detach")
        found = first_host.engine.containers.get(f"{project}-airflow-worker-1")
        wait_until(lambda: b" ready." in found.logs(), 180, "the worker's start")
        yield found
    finally:
        compose("down", "--volumes", "--timeout", "5")


def test_a_task_of_the_second_host_has_its_log_on_the_first(first_host: ContainerPlatform, worker: Container) -> None:
    run = first_host.airflow.trigger("killed_once", {})
    task = first_host.wait_for_end("killed_once", run)
    assert (task["state"], task["hostname"]) == ("success", worker.attrs["Config"]["Hostname"])
    log = first_host.log("killed_once", run, 1)
    assert f"http://{first_host.settings.bind_stores}:" in log
    assert "feature rows, content" in log


@pytest.mark.usefixtures("worker")
def test_the_doctor_is_content_with_the_first_host(first_host: ContainerPlatform) -> None:
    doctor = first_host.command("doctor")
    assert doctor.returncode == 0, doctor.stdout


@pytest.mark.usefixtures("worker")
def test_the_api_answers_at_the_private_address(first_host: ContainerPlatform) -> None:
    (movie_id,) = first_host.query("select movie_id from prediction order by movie_id limit 1")[0]
    address = f"http://{first_host.settings.bind_address}:{first_host.settings.api_port}"
    answer = requests.get(f"{address}/predict", params={"movie_id": movie_id}, timeout=10)
    assert answer.status_code == 200, answer.text
