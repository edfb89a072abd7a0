"""A task as a process of the tasks' own Python, beside Airflow's: the embedded platform."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from airflow.providers.standard.hooks.subprocess import SubprocessHook
from airflow.sdk import BaseOperator

from dags.attempt import Attempt
from dags.run_task import DAY, failure, make_command

REPOSITORY = Path(__file__).resolve().parents[2]


class TaskProcess(BaseOperator):
    """Runs a verb in TASKS_PYTHON, its log in the task log; nothing limits its memory."""

    template_fields = ("day", "flags")

    def __init__(self, *, verb: str, memory: str, day: str = DAY, flags: Sequence[str] = (), **options: Any) -> None:
        super().__init__(do_xcom_push=False, **options)
        self.verb = verb
        self.memory = memory
        self.day = day
        self.flags = list(flags)
        self.process = SubprocessHook()

    def execute(self, context: Any) -> None:
        """Wait for the verb's end."""
        _, *arguments = make_command(self.verb, self.day, self.flags)
        command = [os.environ["TASKS_PYTHON"], *arguments]
        # Airflow's own keys and database are none of a task's business.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))}
        environment = {**inherited, "TASK_ATTEMPT": str(Attempt.of(context))}
        code = self.process.run_command(command, env=environment, cwd=str(REPOSITORY)).exit_code
        if code != os.EX_OK:
            raise failure(self.verb, code)

    def on_kill(self) -> None:
        self.process.send_sigterm()  # type: ignore[no-untyped-call]  # of Airflow's hook
