"""The one way a task is started: `run_task`, by the setting TASK_RUNNER."""

import os
import re
import signal
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from dags.attempt import Attempt

NO_FLAGS: Mapping[str, str] = {}

DAY = "{{ params.get('day') or dag_run.run_after | ds }}"
"""The day a run is for: the form's, else the day on which the run was due (UTC); a retry keeps it."""

NO_RETRY = {
    os.EX_DATAERR: "the data it reads are not what they must be",
    os.EX_NOPERM: "an outside system refuses our credentials",
    os.EX_CONFIG: "a setting is missing or wrong",
}
"""Exit codes of `python -m tasks.<verb>` that another try cannot change."""

KILLED = {code: number.name for number in (signal.SIGKILL, signal.SIGTERM) for code in (128 + number, -number)}
"""How a runner tells of a signal: 128 + its number from a container, its negative number from a process."""

STOP_SECONDS = 3
"""Between SIGTERM and SIGKILL when a task is stopped; Airflow kills the process that waits for it after 5."""

RUNNERS = ("process", "docker", "kubernetes")

FOR_TASKS = (
    *("MOVIES_DATABASE_URL", "RECEIPTS_DATABASE_URL", "FEAST_REGISTRY_URL", "FEAST_REDIS", "FEAST_USAGE"),
    *("AWS_", "S3_BUCKET", "PYICEBERG_CATALOG__", "RECEIPTS_KEEP_DAYS", "SKEW_"),
    *("MLFLOW_", "IMDB_", "TMDB_", "OMP_", "SSL_CERT_", "REQUESTS_CA_"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)
"""How the variables begin that a worker hands on to a task's container."""


def run_task(
    verb: str, *, timeout: timedelta, memory: str = "2g", flags: Mapping[str, str] = NO_FLAGS, **options: Any
) -> BaseOperator:
    """A task that runs `python -m tasks.<verb> --day …`: arguments in, exit code out, nothing through XCom.

    verb: a module of `tasks`. timeout: of one try. memory: the most a container or pod may take, /tmp included, as 512m or 2g;
    a process has no limit. flags: of the verb, by name, each with the DAG's param that sets it. options: of BaseOperator, such
    as outlets or doc_md.
    """
    if not re.fullmatch(r"[1-9]\d*[mg]", memory):
        raise ValueError(f"memory of {verb} is {memory!r}; write it as 512m or 2g")
    operator = load_operator(runner())
    given = [make_flag(name, param) for name, param in flags.items()]
    return operator(verb=verb, memory=memory, flags=given, execution_timeout=timeout, **{"task_id": verb, **queue(), **options})


def load_operator(kind: str) -> type[BaseOperator]:
    """Return the operator of this runner.

    Each is imported only where it is used: every task parses its DAG file again, and Kubernetes' client alone takes seconds.
    """
    match kind:
        case "process":
            from dags.runners.process import TaskProcess  # noqa: PLC0415

            return TaskProcess
        case "docker":
            from dags.runners.docker import TaskContainer  # noqa: PLC0415

            return TaskContainer
        case _:
            from dags.runners.kubernetes import TaskPod  # noqa: PLC0415

            return TaskPod


def make_flag(name: str, param: str) -> str:
    """Return the template of `--name`, or of `--no-name` where the param is not set: whatever a form says, one of the two."""
    if not all(re.fullmatch(r"[a-z]+(_[a-z]+)*", word) for word in (name, param)):
        raise ValueError(f"flag {name!r} by param {param!r}: write both in lower case, with underscores")
    return "{{ '--%s' if params.get('%s') else '--no-%s' }}" % (name, param, name)  # noqa: UP031  # braces are Jinja's here


def make_command(verb: str, day: str, flags: Sequence[str]) -> list[str]:
    """Return what a container or pod runs."""
    return ["python", "-m", f"tasks.{verb}", "--day", day, *flags]


def runner() -> str:
    """Read how tasks are run: process, docker or kubernetes."""
    chosen = os.environ.get("TASK_RUNNER", "process")
    if chosen not in RUNNERS:
        raise ValueError(f"TASK_RUNNER is {chosen!r}; use one of {', '.join(RUNNERS)}")
    return chosen


def queue() -> dict[str, Any]:
    """Read which Celery workers take the tasks, as options of BaseOperator; unset, those of Airflow's default queue."""
    return {"queue": os.environ["TASK_QUEUE"]} if os.environ.get("TASK_QUEUE") else {}


def setting(name: str) -> str:
    """Read a variable without which this runner cannot work."""
    value = os.environ.get(name)
    if not value:
        raise ValueError(f"{name} is not set, and TASK_RUNNER={runner()} needs it; see .env.example")
    return value


def task_environment(attempt: Attempt) -> dict[str, str]:
    """Return what a task's container is given of the worker's environment, secrets included, and whose try it is."""
    ours = {name: value for name, value in os.environ.items() if name.startswith(FOR_TASKS)}
    return {**ours, "TASK_ATTEMPT": str(attempt)}


def failure(verb: str, code: int, exceeded: str = "") -> AirflowException:
    """Return what to raise for an exit code other than 0: a failure for good where another try cannot help, else one to retry.

    exceeded: the memory limit, if it was this that ended the task.
    """
    if exceeded:
        remedy = f'give run_task("{verb}", memory=…) more in dags/'
        return AirflowFailException(f"tasks.{verb} ran out of memory: its limit of {exceeded} was reached; {remedy}")
    if code in NO_RETRY:
        return AirflowFailException(f"tasks.{verb} ended with {code}: {NO_RETRY[code]}; see its last lines above")
    if code in KILLED:
        return AirflowException(f"tasks.{verb} was killed from outside by {KILLED[code]}; another try starts it anew")
    return AirflowException(f"tasks.{verb} ended with {code}; see its last lines above")
