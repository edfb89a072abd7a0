"""The mapping from a program's exit code to the result of its Airflow task: success, retry, or permanent failure."""

import os
import signal

from airflow.sdk.exceptions import AirflowException, AirflowFailException

WRONG_COMMAND_LINE = 2
"""Exit code of argparse, for example for a day in the future."""

NO_RETRY = {
    WRONG_COMMAND_LINE: "its command line is wrong, the day for example",
    os.EX_USAGE: "it was asked for something that it does not do",
    os.EX_DATAERR: "the data it reads are not in the expected form",
    os.EX_NOINPUT: "what it was asked for does not exist",
    os.EX_NOPERM: "an outside system rejects our credentials",
    os.EX_CONFIG: "a setting is missing or wrong",
}
"""Exit code of `python -m tasks.<verb>` that a retry cannot change -> the reason (sysexits.h, and argparse's 2)."""

KILLED = {code: number.name for number in (signal.SIGKILL, signal.SIGTERM) for code in (128 + number, -number)}
"""Exit code of a program that a signal killed -> the signal's name: 128 + signal for a container, -signal for a process."""


def to_airflow_error(verb: str, code: int, memory_limit: str = "") -> AirflowException:
    """Return the exception for an exit code other than 0.

    AirflowFailException fails the task permanently; after AirflowException, Airflow tries again. memory_limit: the limit that
    the task exceeded, as in `run_task`; empty if memory was not the reason.
    """
    if memory_limit:
        remedy = f'give run_task("{verb}", memory=…) more in dags/'
        return AirflowFailException(f"tasks.{verb} ran out of memory: its limit of {memory_limit} was reached; {remedy}")
    if code in NO_RETRY:
        return AirflowFailException(f"tasks.{verb} ended with exit code {code}: {NO_RETRY[code]}; see its last lines above")
    if code in KILLED:
        return AirflowException(f"tasks.{verb} was killed from outside by {KILLED[code]}; the next attempt runs it again")
    return AirflowException(f"tasks.{verb} ended with exit code {code}; see its last lines above")
