"""The client of the Docker engine at DOCKER_HOST, used by the task containers and by the sweeper."""

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from airflow.sdk.exceptions import AirflowException
from docker import APIClient
from docker.errors import APIError, DockerException, NotFound
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from dags.runners.command import STOP_SECONDS
from dags.runners.container_log import ContainerLog, container_is_gone
from dags.runners.environment import read_setting

log = logging.getLogger(__name__)

RECONNECT = Retry(total=None, connect=30, read=0, redirect=0, status=0, other=0, backoff_factor=0.5, backoff_max=5)
"""Retries connecting for about two minutes, so that a request survives a restart of the filter."""


class Engine(APIClient):
    """A Docker client that adds hardening for which DockerOperator has no parameters, and survives a lost connection."""

    write_line: Callable[[str], object] = log.info
    """Receives each line of a container's output."""

    state: dict[str, Any]
    """Final state of the last container, as the engine describes it: ExitCode, OOMKilled, …"""

    def create_host_config(self, *args: Any, **options: Any) -> Any:
        """Return the host configuration of a task's container: no capabilities, no swap, and only /tmp is writable."""
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

    def wait(self, container: Any, *_args: Any, **_options: Any) -> Any:
        """Store the container's final state, because the operator removes the container right afterwards.

        It need not wait: the output has been read to its end, so the container has ended.
        """
        try:
            self.state = self.inspect_container(container)["State"]
        except NotFound:
            raise container_is_gone(container) from None
        return {"StatusCode": self.state["ExitCode"]}

    def attach(self, container: Any, *args: Any, **options: Any) -> Any:
        """Attach, and return an iterator that writes each line of the output and yields nothing.

        The operator would keep all that it yields in memory until the task ends.
        """
        frames = super().attach(container, *args, **{**options, "demux": True})
        return self._copy_output(container, frames)

    def _copy_output(self, container: str, frames: Any) -> Iterator[bytes]:
        ContainerLog(self, container, self.write_line).copy(frames)
        yield from ()

    def remove_container(self, container: Any, *args: Any, **options: Any) -> None:
        """Remove a container. Do nothing if a kill, a sweep or the task's own end has removed it or is removing it."""
        try:
            super().remove_container(container, *args, **options)
        except APIError as error:
            if error.status_code not in (404, 409):
                raise

    def stop_and_remove(self, container: str) -> None:
        """Stop a container, allowing it STOP_SECONDS to exit, and remove it."""
        with suppress(NotFound):
            self.stop(container, timeout=STOP_SECONDS)
        self.remove_container(container, force=True)

    def list_containers(self, labels: dict[str, str], *label_names: str) -> list[dict[str, Any]]:
        """Return the containers, running or not, that have these labels, and the labels in `label_names` with any value."""
        wanted = [*(f"{name}={value}" for name, value in labels.items()), *label_names]
        found: list[dict[str, Any]] = self.containers(all=True, filters={"label": wanted})
        return found


def connect() -> Engine:
    """Return a client of the engine. DOCKER_HOST is a filter (infra/docker_filter) that allows only the calls made here."""
    host = read_setting("DOCKER_HOST")
    try:
        engine = Engine(base_url=host)
    except DockerException as error:
        raise AirflowException(f"the Docker engine at {host} does not answer: {error}") from error
    if engine.base_url.startswith("http://"):  # TCP means through the filter
        engine.mount("http://", HTTPAdapter(max_retries=RECONNECT))
    return engine
