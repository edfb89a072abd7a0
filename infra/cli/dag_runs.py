"""The progress of one DAG run: a step for each task, and the last log lines of tasks that failed."""

import time
from dataclasses import dataclass, field
from typing import Any

import requests

from infra.cli.airflow_client import FINAL_STATES, AirflowClient
from infra.platform.errors import StackError
from infra.platform.progress import Progress

POLL_SECONDS = 1.0
LOG_SECONDS = 4.0
LOG_SHARE = 20
"""A task's log is read again after LOG_SECONDS, or after LOG_SHARE times as long as the last read took if that is longer."""
LOG_LINES = 15
AWAY_SECONDS = 60
"""Seconds that Airflow may be unreachable before the command gives up; it usually restarts by itself."""
DONE = {"success": "done", "skipped": "skipped", "failed": "failed", "upstream_failed": "not run: a task before it failed"}


@dataclass
class LogReader:
    """A reader of each running task's newest log line. It reads large logs less often."""

    client: AirflowClient
    dag: str
    run: str
    next_read: dict[str, float] = field(default_factory=dict)

    def read_newest(self, task: dict[str, Any]) -> str | None:
        """Return the newest line of a running task's log; None if it is too early to read again, or Airflow is unreachable."""
        name, start = task["task_id"], time.monotonic()
        if task["state"] != "running" or start < self.next_read.get(name, start):
            return None
        try:
            lines = self.client.read_log(self.dag, self.run, task, 1)
        except requests.RequestException:
            return None  # the line is optional, and the task's state is read again in a second
        seconds = time.monotonic() - start
        self.next_read[name] = start + max(LOG_SECONDS, LOG_SHARE * seconds)
        return "".join(lines) or "running"


def follow_run(client: AirflowClient, dag: str, run: str, progress: Progress) -> None:
    """Report each task until the run has ended. Raise StackError with the last log lines of the failed tasks if it failed."""
    shown: dict[str, str] = {}
    log = LogReader(client, dag, run)
    while True:
        state, tasks = read_run(client, dag, run)
        for task in tasks:
            show_task(task, shown, progress, log.read_newest(task))
        if state in FINAL_STATES:
            break
        time.sleep(POLL_SECONDS)
    if state != "success":
        raise StackError(describe_failure(client, dag, run, tasks))


def read_run(client: AirflowClient, dag: str, run: str) -> tuple[str, list[dict[str, Any]]]:
    """Return the state of the run and of its tasks; wait while Airflow restarts."""
    deadline = time.monotonic() + AWAY_SECONDS
    while True:
        try:
            return client.read_state(dag, run), client.read_tasks(dag, run)
        except requests.RequestException as error:
            if time.monotonic() > deadline:
                raise StackError(f"Airflow has not answered for {AWAY_SECONDS} s ({error}); see `make logs`.") from error
            time.sleep(POLL_SECONDS)


def show_task(task: dict[str, Any], shown: dict[str, str], progress: Progress, newest_line: str | None) -> None:
    """Report one task's state as a step. `shown` holds the state last reported for each task."""
    name, state = task["task_id"], task["state"]
    if shown.get(name) in DONE or state in {None, "scheduled", "removed"}:
        return
    if name not in shown:
        progress.begin(name, "waiting for a free slot")
    if state in DONE:
        progress.end(name, DONE[state])
    elif state == "up_for_retry" and shown.get(name) != state:
        progress.note(name, f"attempt {task['try_number']} failed; Airflow will retry it")
    elif newest_line:
        progress.note(name, newest_line)
    shown[name] = state


def describe_failure(client: AirflowClient, dag: str, run: str, tasks: list[dict[str, Any]]) -> str:
    """Return a sentence about the failure and the last log lines of the failed tasks."""
    failed = [task for task in tasks if task["state"] == "failed"]
    names = ", ".join(task["task_id"] for task in failed) or "no task of its own"
    text = f"{dag} failed in {names}; the whole log: {client.endpoints.airflow.url}/dags/{dag}/runs/{run}"
    for task in failed:
        lines = client.read_log(dag, run, task, LOG_LINES)
        text += f"\n--- the end of {task['task_id']}'s log, attempt {task['try_number']}\n" + "\n".join(lines)
    return text
