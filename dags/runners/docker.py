"""A task as a container of its own on the Docker engine at DOCKER_HOST."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from airflow.providers.docker.exceptions import DockerContainerFailedException
from airflow.providers.docker.operators.docker import DockerOperator
from airflow.sdk.exceptions import AirflowException

from dags.attempt import Attempt
from dags.run_task import DAY, failure, make_command, setting, task_environment
from dags.runners.engine import Engine, connect


class TaskContainer(DockerOperator):
    """Runs a verb in an ephemeral container of TASKS_IMAGE on TASKS_NETWORK, its log in the task log.

    Airflow shows `image` and `command`; the variables exist only while `execute` runs, so that no secret can be stored or shown.
    """

    def __init__(self, *, verb: str, memory: str, day: str = DAY, flags: Sequence[str] = (), **options: Any) -> None:
        super().__init__(
            image=setting("TASKS_IMAGE"),
            command=make_command(verb, day, flags),
            network_mode=setting("TASKS_NETWORK"),
            mem_limit=memory,
            mount_tmp_dir=False,
            auto_remove="force",
            log_opts_max_size="10m",  # the engine's copy; Airflow keeps the whole log
            log_opts_max_file="2",
            do_xcom_push=False,
            **options,
        )
        self.verb = verb
        self.memory = memory

    @cached_property
    def cli(self) -> Engine:
        """The operator's client, ours instead of the hook's."""
        return connect()

    def execute(self, context: Any) -> None:
        """Remove what an earlier try left, then wait for the verb's end."""
        if not self.cli.images(name=self.image):  # the operator would pull it; what runs on a host is decided there
            raise AirflowException(f"image {self.image} is not on the engine at {setting('DOCKER_HOST')}: build or pull it there")
        attempt = Attempt.of(context)
        for left in self.cli.find(attempt.labels()):
            self.log.warning("Removing container %s, left by try %s", left["Id"][:12], left["Labels"]["marquee.try"])
            self.cli.remove_container(left["Id"], force=True)
        self.labels = attempt.labels_of_try()
        self._private_environment = task_environment(attempt)
        try:
            super().execute(context)
        except DockerContainerFailedException:
            state = self.cli.state
            raise failure(self.verb, state["ExitCode"], self.memory if state["OOMKilled"] else "") from None

    def on_kill(self) -> None:
        if self.container:
            self.log.warning("Airflow ends this task: stopping container %s", self.container["Id"][:12])
            self.cli.end(self.container["Id"])
