"""The one way a task is started: `run_task`, by the setting TASK_RUNNER."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.providers.standard.hooks.subprocess import SubprocessHook
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

REPOSITORY = Path(__file__).resolve().parents[1]

DAY = "{{ params.day or dag_run.run_after | ds }}"
"""The day a run is for: the form's, else the day on which the run was due (UTC); a retry keeps it."""

NO_RETRY = {
    os.EX_DATAERR: "the source's data breaks its own format",
    os.EX_NOPERM: "an outside system refuses our credentials",
    os.EX_CONFIG: "a setting is missing or wrong",
}
"""Exit codes of `python -m tasks.<verb>` that another try cannot change."""


def run_task(verb: str, *, timeout: timedelta, **options: Any) -> BaseOperator:
    """A task that runs `python -m tasks.<verb> --day …`: arguments in, exit code out, nothing through XCom.

    verb: a module of `tasks`. timeout: of one try. options: of BaseOperator, such as outlets or doc_md.
    """
    runner = os.environ.get("TASK_RUNNER", "process")
    if runner != "process":
        raise ValueError(f"TASK_RUNNER is {runner!r}; use process")
    return TaskProcess(task_id=verb, verb=verb, execution_timeout=timeout, **options)


class TaskProcess(BaseOperator):
    """Runs a verb as a process of the tasks' own Python, TASKS_PYTHON, its log in the task log."""

    template_fields = ("day",)

    def __init__(self, *, verb: str, day: str = DAY, **options: Any) -> None:
        super().__init__(do_xcom_push=False, **options)
        self.verb = verb
        self.day = day
        self.process = SubprocessHook()

    def execute(self, context: Any) -> None:
        """Fail for good where another try cannot help, else leave it to the retries."""
        command = [os.environ["TASKS_PYTHON"], "-m", f"tasks.{self.verb}", "--day", self.day]
        # Airflow's own keys and database are none of a task's business.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))}
        code = self.process.run_command(command, env=inherited, cwd=str(REPOSITORY)).exit_code
        if code in NO_RETRY:
            raise AirflowFailException(f"tasks.{self.verb} ended with {code}: {NO_RETRY[code]}; see its last lines above")
        if code != os.EX_OK:
            raise AirflowException(f"tasks.{self.verb} ended with {code}; see its last lines above")

    def on_kill(self) -> None:
        self.process.send_sigterm()  # type: ignore[no-untyped-call]  # of Airflow's hook
