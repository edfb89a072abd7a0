"""Removes the containers of tasks that Airflow no longer runs."""

from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from dags.attempt import Attempt, platform
from dags.run_task import queue, runner


class SweepContainers(BaseOperator):
    """Looks at the Docker engine; skipped where tasks are not containers (a pod has a deadline of its own)."""

    def __init__(self, **options: Any) -> None:
        super().__init__(do_xcom_push=False, **{**queue(), **options})

    def execute(self, context: Any) -> None:
        """List first and ask for states afterwards: a container listed then has had its task's state set to running before."""
        if runner() != "docker":
            raise AirflowSkipException(f"TASK_RUNNER is {runner()}: there are no containers to sweep")
        from dags.runners.engine import connect  # noqa: PLC0415  # the client is not loaded where there is no engine

        engine = connect()
        found = engine.find(platform(), "marquee.task", "marquee.dag", "marquee.run", "marquee.try")
        for container in found:
            attempt = Attempt.parse(container["Labels"])
            state = read_state(context["ti"], attempt)
            if state != "running":
                self.log.warning("Removing container %s of %s: its task is %s", container["Id"][:12], attempt, state)
                engine.remove_container(container["Id"], force=True)


def read_state(ti: Any, attempt: Attempt) -> str:
    """Ask Airflow for the state of a task; "unknown" if its DAG, run or task is no more, or was cleared."""
    states: dict[str, dict[str, str | None]] = ti.get_task_states(dag_id=attempt.dag, run_ids=[attempt.run])
    return states.get(attempt.run, {}).get(attempt.task) or "unknown"
