"""A whole platform in containers for a test: a compose project, a home and ports of its own."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import docker
import psycopg
from docker.errors import APIError
from docker.models.containers import Container

from infra.cli.airflow_client import AirflowClient
from infra.compose.containers import Containers
from tests.e2e.platform import Platform

Found = TypeVar("Found")
ENDED = {"success", "failed"}
DAGS = Path(__file__).parent / "dags"


def share_dags() -> None:
    """Let the containers' user read the tests' DAGs, which a clone made under umask 077 does not."""
    for path in (DAGS, *DAGS.rglob("*")):
        path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))


def wait_until(look: Callable[[], Found], seconds: float, what: str) -> Found:
    """Call `look` until its result is true, and return the result. Fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.05)
    return found


def _is_frozen(container: Container) -> bool:
    """Freeze the container; false if the kernel could not, as it happens on a busy machine, and the container runs on."""
    try:
        container.pause()
    except APIError as error:
        if "unable to freeze" not in str(error):
            raise
        return False
    return True


@dataclass(frozen=True)
class ContainerPlatform(Platform):
    """Drives the platform as its users do; COMPOSE_PROJECT_NAME is in the environment."""

    @property
    def containers(self) -> Containers:
        return Containers.load(self.settings)

    @property
    def airflow(self) -> AirflowClient:
        return AirflowClient(self.containers.endpoints)

    @property
    def engine(self) -> docker.DockerClient:
        return docker.from_env()

    def service(self, name: str) -> Container:
        """The container of a service."""
        return self.engine.containers.get(f"{self.containers.project}-{name}-1")

    def task_containers(self, run: str | None = None) -> list[Container]:
        """The task containers of this platform, or of one run, running or not."""
        labels = [f"marquee.platform={self.containers.project}", *([f"marquee.run={run}"] if run else [])]
        found: list[Container] = self.engine.containers.list(all=True, filters={"label": labels}, ignore_removed=True)
        return found

    def start_and_catch(self, dag: str) -> tuple[str, Container]:
        """A new run, and the container of its task, frozen in the middle of its work: it has its lease, and nothing is committed.

        The task waits for table movie until it is frozen, however fast it is and however slow the machine.
        """
        with self.movies_locked():
            run = self.airflow.trigger(dag, {})
            return run, self._catch(run)

    @contextmanager
    def movies_locked(self) -> Iterator[None]:
        """Within the block, whoever reads table movie waits for its end."""
        with psycopg.connect(self.containers.endpoints.database_url("movies")) as connection:
            connection.execute("set lock_timeout = '180s'")
            connection.execute("lock table movie in access exclusive mode")
            yield

    def locks(self) -> list[Any]:
        """Return the sessions that hold or await a lock of table movie."""
        return self.query(
            """select application_name, state, wait_event, mode, granted from pg_locks join pg_stat_activity using (pid)
                where relation = 'movie'::regclass"""
        )

    def _catch(self, run: str) -> Container:
        def look() -> Container | None:
            holder = self.query("select 1 from task_lease where holder like %s and attempt = 1", f"%/{run}/%")
            return next(iter(self.task_containers(run)), None) if holder else None

        caught = wait_until(look, 120, f"a container of {run}")
        assert caught is not None
        wait_until(lambda: _is_frozen(caught), 60, f"the freezing of {caught.name}")
        return caught

    def query(self, statement: str, *values: object) -> list[Any]:
        """Rows of the movies database."""
        with psycopg.connect(self.containers.endpoints.database_url("movies"), autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def task(self, dag: str, run: str) -> dict[str, Any]:
        """Airflow's record of the run's one task."""
        (task,) = self.airflow.read_tasks(dag, run)
        return task

    def wait_for_end(self, dag: str, run: str, seconds: float = 240) -> dict[str, Any]:
        wait_until(lambda: self.airflow.read_state(dag, run) in ENDED, seconds, f"the end of {run}")
        return self.task(dag, run)

    def log(self, dag: str, run: str, number: int) -> str:
        """All of the log of one try."""
        task = {**self.task(dag, run), "try_number": number}
        return "\n".join(self.airflow.read_log(dag, run, task, 10_000))

    def sweep(self) -> None:
        """One pass of the sweeper."""
        run = self.airflow.trigger("sweep", {})
        wait_until(lambda: self.airflow.read_state("sweep", run) in ENDED, 300, "the sweeper's pass")
        assert self.airflow.read_state("sweep", run) == "success"
