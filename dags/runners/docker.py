"""The runner that starts each task in its own container on the Docker engine at DOCKER_HOST."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import requests
from airflow.providers.docker.exceptions import DockerContainerFailedException
from airflow.providers.docker.operators.docker import DockerOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException

from dags.attempt import Attempt
from dags.runners.command import DAY, make_command
from dags.runners.engine import Engine, connect
from dags.runners.environment import make_task_environment, read_setting
from dags.runners.exit_codes import to_airflow_error


class TaskContainer(DockerOperator):
    """An operator that runs a verb in a new container of TASKS_IMAGE on TASKS_NETWORK and copies its output to the task log.

    Airflow stores and shows `image` and `command`. The variables are set only while `execute` runs, so no secret is stored.
    """

    def __init__(self, *, verb: str, memory: str, day: str = DAY, flags: Sequence[str] = (), **options: Any) -> None:
        super().__init__(
            image=read_setting("TASKS_IMAGE"),
            command=make_command(verb, day, flags),
            network_mode=read_setting("TASKS_NETWORK"),
            mem_limit=memory,
            mount_tmp_dir=False,
            auto_remove="force",
            log_opts_max_size="10m",  # the engine's copy; Airflow stores the whole log
            log_opts_max_file="2",
            do_xcom_push=False,
            **options,
        )
        self.verb = verb
        self.memory = memory

    @cached_property
    def cli(self) -> Engine:
        """Return the client of the engine, which replaces the one of the provider's hook."""
        engine = connect()
        engine.write_line = self._write_line
        return engine

    def _write_line(self, line: str) -> None:
        self.log.info("%s", line)

    def execute(self, context: Context) -> None:
        """Remove the containers that earlier attempts left behind, then run the verb to its end."""
        host = read_setting("DOCKER_HOST")
        # Without this check the operator would pull the image, but each host decides for itself which images it runs.
        found = self.cli.images(name=self.image)
        if not found:
            raise AirflowException(f"image {self.image} is not on the engine at {host}: build or pull it there")
        attempt = Attempt.of(context)
        for left in self.cli.list_containers(attempt.task_labels()):
            self.log.warning("removing container %s, left by attempt %s", left["Id"][:12], left["Labels"]["marquee.try"])
            self.cli.remove_container(left["Id"], force=True)
        self.labels = attempt.attempt_labels()
        # The engine's id is the image's digest; a name that matches several images tells none of them.
        digest = f"@{found[0]['Id']}" if len(found) == 1 else ""
        self._private_environment = {**make_task_environment(attempt), "TASK_IMAGE": f"{self.image}{digest}"}
        try:
            super().execute(context)
        except DockerContainerFailedException:
            state = self.cli.state
            raise to_airflow_error(self.verb, state["ExitCode"], self.memory if state["OOMKilled"] else "") from None
        except requests.ConnectionError as error:
            raise AirflowException(f"the Docker engine at {host} went away: {error}") from error

    def on_kill(self) -> None:
        """Stop and remove the container. Airflow calls this on a timeout and when a user ends the task."""
        if self.container:
            self.log.warning("Airflow ends this task: stopping container %s", self.container["Id"][:12])
            self.cli.stop_and_remove(self.container["Id"])
