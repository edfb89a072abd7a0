"""The sweeper: removes containers whose task Airflow no longer runs."""

from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from dags.attempt import Attempt, platform_label
from dags.runners.environment import read_queue, read_runner


class SweepContainers(BaseOperator):
    """An operator that sweeps the Docker engine. With other runners it is skipped (a pod has its own deadline)."""

    def __init__(self, **options: Any) -> None:
        super().__init__(do_xcom_push=False, **{**read_queue(), **options})

    def execute(self, context: Context) -> None:
        """Remove the containers whose task is not running.

        It lists the containers before it reads the states. A task is set to running before its container is made, so a container
        that has just started always belongs to a running task.
        """
        if read_runner() != "docker":
            raise AirflowSkipException(f"TASK_RUNNER is {read_runner()}: there are no containers to sweep")
        from dags.runners.engine import connect  # noqa: PLC0415  # load Docker's client only if there is an engine

        engine = connect()
        containers = engine.list_containers(platform_label(), "marquee.task", "marquee.dag", "marquee.run", "marquee.try")
        for container in containers:
            attempt = Attempt.parse(container["Labels"])
            state = read_state(context["ti"], attempt)
            if state != "running":
                self.log.warning("removing container %s of %s: its task is %s", container["Id"][:12], attempt, state)
                engine.remove_container(container["Id"], force=True)


def read_state(ti: Any, attempt: Attempt) -> str:
    """Return the state of a task from Airflow; "unknown" if its DAG, run or task was deleted, or the task was cleared."""
    states: dict[str, dict[str, str | None]] = ti.get_task_states(dag_id=attempt.dag, run_ids=[attempt.run])
    return states.get(attempt.run, {}).get(attempt.task) or "unknown"
