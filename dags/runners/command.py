"""The command line of a task, which is the same in a process, a container and a pod."""

import os
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

DAY = "{{ params.get('day') or dag_run.run_after | ds }}"
"""Template of the run's day: the form's day, else the UTC day on which the run was due; the same for every attempt."""

DUE = "{{ '--no-due' if params.get('day') else '--due' }}"
"""Template of the flag that tells if a person chose the day. On the sample, a run that was due is for its world's day."""

STOP_SECONDS = 3
"""Time between SIGTERM and SIGKILL when a task is stopped; Airflow kills the process that waits for the task after 5 seconds."""


def check_day(context: Context) -> None:
    """Fail the task for good, before its program starts, if the form's day is after today (UTC).

    The form cannot check this itself: Airflow validates a param by JSON Schema, which has no largest date. On the synthetic
    sample the verb checks the day, because the sample's world may be ahead of today.
    """
    if os.environ.get("WORLD_URL"):
        return
    text = context["params"].get("day")
    if text and date.fromisoformat(text) > datetime.now(UTC).date():
        raise AirflowFailException(f"the day {text} is in the future: trigger the DAG with today (UTC), an earlier day, or none")


def make_command(verb: str, day: str, flags: Sequence[str]) -> list[str]:
    """Return the command for a container or pod. The process runner replaces `python` by the path of its interpreter."""
    return ["python", "-m", f"tasks.{verb}", "--day", day, *flags]


def make_flag(name: str, param: str) -> str:
    """Return a template that renders to `--name` if the DAG's param is true, and to `--no-name` otherwise.

    It can render only to these two words, even if a form contains other text. Raise ValueError unless both names are
    lower case words joined by underscores.
    """
    if not all(re.fullmatch(r"[a-z]+(_[a-z]+)*", word) for word in (name, param)):
        raise ValueError(f"flag {name!r} by param {param!r}: write both in lower case, with underscores")
    return "{{ '--%s' if params.get('%s') else '--no-%s' }}" % (name, param, name)  # noqa: UP031  # braces are Jinja's here
