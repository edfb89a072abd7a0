"""The Docker engine at DOCKER_HOST, as the task containers and their sweeper speak to it."""

from contextlib import suppress
from typing import Any

from airflow.sdk.exceptions import AirflowException
from docker import APIClient
from docker.errors import APIError, DockerException, NotFound

from dags.run_task import STOP_SECONDS, setting


class Engine(APIClient):
    """What DockerOperator asks of an engine, plus the hardening that it has no parameters for."""

    state: dict[str, Any]
    """Of the container last waited for: its exit code, whether it ran out of memory."""

    def create_host_config(self, *args: Any, **options: Any) -> Any:
        """Take from a task's container all that a task does not need; only /tmp can be written to."""
        memory = options["mem_limit"]
        options |= {
            "memswap_limit": memory,  # memory and swap together: no swap
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "read_only": True,
            "tmpfs": {"/tmp": f"rw,noexec,nosuid,nodev,size={memory}"},  # noqa: S108  # the container's, not this host's
            "pids_limit": 512,
            "init": True,
        }
        return super().create_host_config(*args, **options)

    def wait(self, container: Any, *args: Any, **options: Any) -> Any:
        """Keep how the container ended: the operator removes it straight away."""
        try:
            answer = super().wait(container, *args, **options)
            self.state = self.inspect_container(container)["State"]
        except NotFound:
            raise AirflowException(f"container {container[:12]} is gone: it was removed while its task ran") from None
        return answer

    def remove_container(self, container: Any, *args: Any, **options: Any) -> None:
        """Be content where it is gone, or another is removing it: a kill, a sweep and the task's own end may meet."""
        try:
            super().remove_container(container, *args, **options)
        except APIError as error:
            if error.status_code not in (404, 409):
                raise

    def end(self, container: str) -> None:
        """Stop a container as gently as time allows, and remove it."""
        with suppress(NotFound):
            self.stop(container, timeout=STOP_SECONDS)
        self.remove_container(container, force=True)

    def find(self, labels: dict[str, str], *also: str) -> list[dict[str, Any]]:
        """List the containers, running or not, that carry these labels and have `also` with any value."""
        wanted = [*(f"{name}={value}" for name, value in labels.items()), *also]
        found: list[dict[str, Any]] = self.containers(all=True, filters={"label": wanted})
        return found


def connect() -> Engine:
    """Reach the engine; behind DOCKER_HOST stands a filter that allows no more than is called here."""
    host = setting("DOCKER_HOST")
    try:
        return Engine(base_url=host)
    except DockerException as error:
        raise AirflowException(f"the Docker engine at {host} does not answer: {error}") from error
