"""Following one DAG run to its end: a step for each task, and the end of its log when it fails."""

import time
from itertools import count
from typing import Any

import requests

from infra.cli.airflow_client import FINAL_STATES, AirflowClient
from infra.platform.errors import StackError
from infra.platform.progress import Progress

PAUSE = 1.0
LOG_EVERY = 4
"""Looks at the run between looks at the running tasks' logs, which cost Airflow more."""
LOG_LINES = 15
PATIENCE = 60
"""Seconds Airflow may be away (it heals by itself) before following is given up."""
DONE = {"success": "done", "skipped": "skipped", "failed": "failed", "upstream_failed": "not run: a task before it failed"}


def follow_run(client: AirflowClient, dag: str, run: str, progress: Progress) -> None:
    """Report each task until the run is over; raise StackError with the failed tasks' log tails if it failed."""
    shown: dict[str, str] = {}
    for look in count():
        state, tasks = look_at(client, dag, run)
        for task in tasks:
            doing = read_doing(client, dag, run, task) if look % LOG_EVERY == 0 else None
            show_task(task, shown, progress, doing)
        if state in FINAL_STATES:
            break
        time.sleep(PAUSE)
    if state != "success":
        raise StackError(describe_failure(client, dag, run, tasks))


def look_at(client: AirflowClient, dag: str, run: str) -> tuple[str, list[dict[str, Any]]]:
    """Return the state of the run and of its tasks; a restart of Airflow meanwhile is waited out."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return client.read_state(dag, run), client.read_tasks(dag, run)
        except requests.RequestException as error:
            if time.monotonic() > deadline:
                raise StackError(f"Airflow has not answered for {PATIENCE} s ({error}); `make logs` tells more.") from error
            time.sleep(PAUSE)


def read_doing(client: AirflowClient, dag: str, run: str, task: dict[str, Any]) -> str | None:
    """Return the newest line of a running task's log."""
    if task["state"] != "running":
        return None
    try:
        return "".join(client.read_log(dag, run, task, 1)) or "running"
    except requests.RequestException:
        return None  # only decoration: the state itself is asked for again in a second


def show_task(task: dict[str, Any], shown: dict[str, str], progress: Progress, doing: str | None) -> None:
    """Turn one task's state into a step; `shown` remembers which steps were begun and ended."""
    name, state = task["task_id"], task["state"]
    if shown.get(name) in DONE or state in {None, "scheduled", "removed"}:
        return
    if name not in shown:
        progress.begin(name, "waiting for a place")
    if state in DONE:
        progress.end(name, DONE[state])
    elif state == "up_for_retry" and shown.get(name) != state:
        progress.note(name, f"try {task['try_number']} failed; Airflow tries again")
    elif doing:
        progress.note(name, doing)
    shown[name] = state


def describe_failure(client: AirflowClient, dag: str, run: str, tasks: list[dict[str, Any]]) -> str:
    """Return one sentence, then what the failed tasks last said."""
    failed = [task for task in tasks if task["state"] == "failed"]
    names = ", ".join(task["task_id"] for task in failed) or "no task of its own"
    text = f"{dag} failed in {names}; the whole log: {client.endpoints.airflow.url}/dags/{dag}/runs/{run}"
    for task in failed:
        lines = client.read_log(dag, run, task, LOG_LINES)
        text += f"\n--- the end of {task['task_id']}'s log, try {task['try_number']}\n" + "\n".join(lines)
    return text
