"""One platform in containers for all these tests, where a Docker engine answers."""

import json
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException

from infra.platform.layout import REPOSITORY
from infra.platform.settings import Settings
from tests.containers.platform import ContainerPlatform, share_dags
from tests.containers.task_containers import TaskContainers, record_task_containers
from tests.e2e import checks
from tests.e2e.platform import SAMPLE_FILMS


@pytest.fixture(scope="session")
def engine() -> docker.DockerClient:
    try:
        client = docker.from_env()
        client.ping()
    except DockerException as error:  # the part cannot exist there; CI starts an engine itself, so it never skips
        pytest.skip(f"no Docker engine answers here: {error}")
    return client


@pytest.fixture(scope="package")
def containers_platform(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContainerPlatform]:
    platform = ContainerPlatform(Settings.trial(tmp_path_factory.mktemp("containers"), sample_films=SAMPLE_FILMS))
    share_dags()
    files = ("docker-compose.yml", "tests/containers/docker-compose.yml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMPOSE_PROJECT_NAME", f"marquee-test-{uuid.uuid4().hex[:8]}")
        patch.setenv("COMPOSE_FILE", ":".join(str(REPOSITORY / file) for file in files))
        patch.setenv("MARQUEE_VERSION", "test")
        try:
            build_images()
            patch.setenv("DOCKER_CONFIG", str(configure_proxy(tmp_path_factory.mktemp("docker"))))
            up = platform.command("up", "--docker")
            assert up.returncode == 0, up.stdout
            yield platform
        finally:
            reset = platform.command("reset", "--yes")
            assert reset.returncode == 0, reset.stdout


def build_images() -> None:
    """Build the images that the engine's cache does not have; Docker's client has no proxy yet."""
    for script in ("bases/make.sh", "build.sh"):
        subprocess.run(["sh", f"infra/images/{script}"], cwd=REPOSITORY, check=True, capture_output=True)


def configure_proxy(folder: Path) -> Path:
    """Return a configuration of Docker's client, as companies have it, that gives every container a proxy; nothing answers there.

    So every test of containers also shows that no service calls another one through a proxy.
    """
    proxy = {"httpProxy": "http://127.0.0.1:9", "httpsProxy": "http://127.0.0.1:9"}
    plugins = Path("~/.docker/cli-plugins").expanduser()
    folder.joinpath("cli-plugins").mkdir()
    pinned = REPOSITORY / ".marquee" / "venvs" / "local" / "bin" / "docker-compose"
    folder.joinpath("cli-plugins", "docker-compose").symlink_to(pinned)  # for `docker compose`, which Debian's package lacks
    folder.joinpath("config.json").write_text(json.dumps({"proxies": {"default": proxy}, "cliPluginsExtraDirs": [str(plugins)]}))
    return folder


@pytest.fixture(scope="package")
def task_containers(containers_platform: ContainerPlatform, engine: docker.DockerClient) -> TaskContainers:
    """The task containers of one more run of every DAG, which must change nothing."""
    with record_task_containers(engine, containers_platform.containers.project) as recorded:
        checks.check_the_dags_again_change_nothing(containers_platform)
    return recorded
