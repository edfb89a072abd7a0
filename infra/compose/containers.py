"""The platform in containers: one Compose project, controlled through the pinned Compose binary."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from infra.compose.interpolation import has_worker_alone, make_interpolation, platform_id
from infra.platform.connections import read_live_project
from infra.platform.endpoints import Endpoints, published_endpoints
from infra.platform.errors import StackError
from infra.platform.layout import REPOSITORY
from infra.platform.progress import LogProgress, Progress
from infra.platform.secrets import Secrets
from infra.platform.settings import Settings, read_environment

DEFAULT_PROJECT = "marquee"
ID_LABEL = "marquee.id"
"""Label of each volume with the id of the platform that made it."""
LIST_TRIES = 5
"""Compose lists the containers and then reads each; one that is removed in between fails the whole command."""
ONCE = ("tasks", "setup", "mlflow-migrate", "airflow-migrate")
"""Services that exit when their work is done."""


@dataclass(frozen=True)
class Containers:
    """The platform in containers. The object holds no state of its own, so any process with the settings can use it."""

    settings: Settings
    endpoints: Endpoints
    progress: Progress = field(default_factory=LogProgress)

    @classmethod
    def load(cls, settings: Settings, progress: Progress | None = None) -> Self:
        settings.layout.make()
        endpoints = published_endpoints(settings, Secrets(settings.layout.secrets), stores_bind=settings.bind_stores)
        return cls(settings, endpoints, progress or LogProgress())

    @property
    def secrets(self) -> Secrets:
        return self.endpoints.secrets

    def environment(self) -> dict[str, str]:
        """Return the environment of the Compose binary."""
        chosen = {
            name.upper(): str(value)
            for name, value in self.settings.model_dump(exclude_none=True, exclude={"tmdb_access_token"}).items()
        }
        return {"COMPOSE_PROJECT_NAME": DEFAULT_PROJECT, **read_environment(), **chosen, **make_interpolation(self.settings)}

    @property
    def project(self) -> str:
        return read_environment().get("COMPOSE_PROJECT_NAME", DEFAULT_PROJECT)

    @property
    def has_worker_alone(self) -> bool:
        """True on a second host, where the tasks of another host's platform run."""
        return has_worker_alone(self.settings)

    @property
    def start_command(self) -> str:
        return "docker compose --profile worker up --detach" if self.has_worker_alone else "make up ARGS=--docker"

    def exist(self) -> bool:
        """Return True if the engine has containers of this project, running or not, that were made from this repository."""
        if shutil.which("docker") is None or not (self.settings.layout.home / "compose").exists():
            return False
        label = "com.docker.compose.project"
        try:
            folders = docker(
                *("ps", "--all", "--filter", f"label={label}={self.project}"),
                *("--format", f'{{{{.Label "{label}.working_dir"}}}}'),
            )
        except StackError:
            return False  # no engine answers, so no container runs
        return any(Path(folder).resolve() == REPOSITORY for folder in folders.splitlines() if folder)

    def check_volumes(self) -> None:
        """Raise StackError if another platform made the project's volumes, or if their secrets are lost."""
        names = docker("volume", "ls", "--quiet", "--filter", f"label=com.docker.compose.project={self.project}").split()
        volumes = json.loads(docker("volume", "inspect", *names)) if names else []
        own = {platform_id(self.secrets)}
        if (self.settings.layout.home / "compose" / "airflow.env").exists():
            own.add("")  # made from this home, by a release that set no label or by Compose on a second host
        foreign = sorted(volume["Name"] for volume in volumes if (volume["Labels"] or {}).get(ID_LABEL, "") not in own)
        if foreign:
            raise StackError(
                f"The Docker volumes {', '.join(foreign)} belong to another platform, or their secrets are gone: give this one "
                f"a name of its own, COMPOSE_PROJECT_NAME=… in .env, or remove them: docker volume rm {' '.join(foreign)}"
            )

    def command(self, *words: str) -> list[str]:
        """Return a Compose command to run in the repository, so that COMPOSE_FILE and an override file apply as usual."""
        compose = self.settings.layout.environments / "local" / "bin" / "docker-compose"
        return [str(compose), "--progress", "plain", *words]

    def run(self, *words: str, environment: Mapping[str, str] | None = None) -> int:
        """Run a Compose command in the foreground and return its exit code."""
        variables = {**self.environment(), **(environment or {})}
        return subprocess.run(self.command(*words), env=variables, cwd=REPOSITORY, check=False).returncode

    def call(self, *words: str) -> str:
        """Run a Compose command and return its output. Raise StackError with its last lines if it fails."""
        done = subprocess.run(
            self.command(*words), env=self.environment(), cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
        if done.returncode:
            last = "\n".join(done.stderr.strip().splitlines()[-8:])
            raise StackError(f"docker compose {' '.join(words)} failed:\n{last}")
        return done.stdout

    def names(self) -> list[str]:
        """Return the services that run permanently."""
        return [name for name in self.call("config", "--services").split() if name not in ONCE]

    def inspect(self) -> dict[str, dict[str, Any]]:
        """Return Compose's description of each service's container, by service."""
        rows = [json.loads(line) for line in self.list_containers().splitlines()]
        return {row["Service"]: row for row in rows}

    def list_containers(self) -> str:
        """Return Compose's list, one JSON object a line; list again when a container was removed before it was read."""
        for _ in range(LIST_TRIES - 1):
            try:
                return self.call("ps", "--all", "--format", "json")
            except StackError as error:
                if "No such container" not in str(error):
                    raise
        return self.call("ps", "--all", "--format", "json")

    def states(self) -> dict[str, str]:
        """Return each service's state: RUNNING if it is up and healthy, else the state as Docker names it."""
        return {name: describe_state(row) for name, row in self.inspect().items()}

    def last_lines(self, name: str) -> str:
        """Return the last lines of a service's log."""
        return self.call("logs", "--no-log-prefix", "--tail", "15", name).strip() or "(no log)"

    def run_feast(self, arguments: list[str]) -> int:
        """Run the feast CLI in a container on the live feature set, and return its exit code."""
        project = read_live_project(self.endpoints)
        return self.run("run", "--rm", "--no-TTY", "feast", *arguments, environment={"FEAST_PROJECT": project})

    def run_verb(self, verb: str, arguments: list[str]) -> int:
        """Run the service of a verb (replay or rollback) in a container, and return its exit code."""
        return self.run("run", "--rm", "--no-TTY", verb, *arguments, environment={"TASK_IMAGE": self.name_image(verb)})

    def name_image(self, service: str) -> str:
        """Return the service's image as name@digest, or the name alone if the engine does not have it yet."""
        name = self.call("--profile", "tools", "config", "--images", service).strip()
        digests = docker("image", "ls", "--quiet", "--no-trunc", name).split()
        return f"{name}@{digests[0]}" if len(digests) == 1 else name

    def stop(self) -> None:
        """Remove the containers, including those of tasks; keep the volumes."""
        self.end_tasks()
        self.call("down", "--remove-orphans", "--timeout", "60")

    def remove(self) -> None:
        """Remove containers, networks and volumes, unless the volumes belong to another platform."""
        self.check_volumes()
        self.end_tasks()
        self.call("down", "--remove-orphans", "--volumes", "--timeout", "10")
        for folder in ("compose", "compose-worker"):
            shutil.rmtree(self.settings.layout.home / folder, ignore_errors=True)

    def tasks(self) -> list[str]:
        """Return the ids of this platform's task containers; they belong to Airflow, not to Compose."""
        labels = ("--filter", "label=marquee.task", "--filter", f"label=marquee.platform={self.project}")
        return docker("ps", "--all", "--quiet", "--no-trunc", *labels).split()

    def end_tasks(self) -> None:
        """Stop the service that starts tasks, so that no new one starts, and then remove the running task containers."""
        self.call("stop", "airflow-worker" if self.has_worker_alone else "airflow-scheduler")
        if left := self.tasks():
            docker("rm", "--force", *left)


def docker(*words: str) -> str:
    """Run the Docker client and return its output."""
    if shutil.which("docker") is None:
        raise StackError("Docker's client is not installed: install Docker, or use `make up`, which needs none.")
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)  # noqa: S607  # found on PATH
    if done.returncode:
        raise StackError(f"docker {words[0]} failed: {done.stderr.strip()}")
    return done.stdout


def describe_state(row: Mapping[str, Any]) -> str:
    if row["State"] == "running":
        return "RUNNING" if row["Health"] in {"", "healthy"} else str(row["Health"]).upper()
    return f"EXITED {row['ExitCode']}" if row["State"] == "exited" else str(row["State"]).upper()
