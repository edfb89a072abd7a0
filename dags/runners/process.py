"""The runner that starts each task as a local process with the tasks' own Python; the embedded platform uses it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from airflow.providers.standard.hooks.subprocess import SubprocessHook
from airflow.sdk import BaseOperator, Context

from dags.attempt import Attempt
from dags.runners.command import DAY, make_command
from dags.runners.exit_codes import to_airflow_error

REPOSITORY = Path(__file__).resolve().parents[2]


class TaskProcess(BaseOperator):
    """An operator that runs a verb with the interpreter TASKS_PYTHON and copies its output to the task log.

    `memory` is ignored, because a process has no memory limit; the parameter exists because every runner has it.
    """

    template_fields = ("day", "flags")

    def __init__(self, *, verb: str, memory: str, day: str = DAY, flags: Sequence[str] = (), **options: Any) -> None:
        super().__init__(do_xcom_push=False, **options)
        self.verb = verb
        self.memory = memory
        self.day = day
        self.flags = list(flags)
        self.process = SubprocessHook()

    def execute(self, context: Context) -> None:
        """Run the verb to its end. Raise the error for its exit code unless that is 0."""
        _, *arguments = make_command(self.verb, self.day, self.flags)
        command = [os.environ["TASKS_PYTHON"], *arguments]
        # Do not pass Airflow's own keys and database addresses to a task.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))}
        environment = {**inherited, "TASK_ATTEMPT": str(Attempt.of(context))}
        code = self.process.run_command(command, env=environment, cwd=str(REPOSITORY)).exit_code
        if code != os.EX_OK:
            raise to_airflow_error(self.verb, code)

    def on_kill(self) -> None:
        """Send SIGTERM to the verb's process group."""
        self.process.send_sigterm()  # type: ignore[no-untyped-call]  # Airflow's hook is untyped
