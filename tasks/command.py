"""Runs a verb from the command line: reads `--day` and returns an exit code."""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TextIO

from pydantic import ValidationError

from tasks.core.errors import TaskError, WrongDay
from tasks.io import json_log
from tasks.io.postgres.lease import take
from tasks.io.usage import describe_usage
from tasks.io.world import read_today
from tasks.settings import Settings

log = logging.getLogger("tasks")

NO_FLAGS: Mapping[str, str] = {}
NO_CHOICES: Mapping[str, Sequence[str]] = {}
NO_DAYS: Mapping[str, str] = {}

EXIT_CODES = f"""exit codes (sysexits.h):
  0   done, or nothing to do: the same day and inputs twice leave the same state
  1   a fault in our code; the traceback is in the log
  2   wrong command line
  {os.EX_USAGE}  the day has not come yet
  {os.EX_DATAERR}  the data that the task reads is not what it must be; another try does not help
  {os.EX_TEMPFAIL}  an outside system does not answer, or another attempt has the lease; try again later
  {os.EX_NOPERM}  an outside system refuses our credentials
  {os.EX_CONFIG}  a setting is missing or wrong"""


def parse_day(text: str) -> date:
    """Parse `YYYY-MM-DD`."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day; write it as YYYY-MM-DD") from None


def choose_day(settings: Settings, day: date | None, due: bool) -> date:
    """Return the day to run for.

    day: the day of the command line, if it has one. due: true if that is only the day on which a run was due; a world with a day
    of its own then runs for its own. Raise WrongDay for a later day than the source's, because the source has no data of it.
    """
    today = read_today(settings)
    if day is None or (due and settings.world_url is not None):
        return today
    if day > today:
        raise WrongDay(f"{day} is in the future; give {today} or an earlier day")
    return day


def main(
    run: Callable[..., None],
    doc: str | None,
    *,
    flags: Mapping[str, str] = NO_FLAGS,
    choices: Mapping[str, Sequence[str]] = NO_CHOICES,
    days: Mapping[str, str] = NO_DAYS,
    lease_key: str | None = None,
) -> None:
    """Run one verb under its lease and exit with its code.

    run: takes Settings, the day, the lease and, by name, each flag as a bool, each choice as one of its words and each further
    day as a date or None. doc: the module docstring of the verb, which --help shows. flags: the help text of each flag, by its
    name; days: likewise of each further day. choices: the words of each option, the first one its default. lease_key: the name
    of a lease that verbs share; the verb's own name by default.
    """

    def run_with_lease(settings: Settings, day: date | None, due: bool, **options: object) -> None:
        chosen = choose_day(settings, day, due)
        with take(settings, lease_key or read_verb()) as lease:
            run(settings, chosen, lease, **options)

    parse_and_run(run_with_lease, doc, flags, choices, days, at_end=lambda: log.info("%s", describe_usage()))


def read_verb() -> str:
    """Return the module that `python -m tasks.<verb>` runs."""
    return Path(sys.argv[0]).stem


def main_without_lease(run: Callable[[Settings], None], doc: str | None) -> None:
    """Run one verb that several attempts may run at once, without a lease and for no day, and exit with its code."""

    def run_alone(settings: Settings, *_: object, **__: object) -> None:
        run(settings)

    parse_and_run(run_alone, doc)


def parse_and_run(
    run: Callable[..., None],
    doc: str | None,
    flags: Mapping[str, str] = NO_FLAGS,
    choices: Mapping[str, Sequence[str]] = NO_CHOICES,
    days: Mapping[str, str] = NO_DAYS,
    *,
    at_end: Callable[[], None] = lambda: None,
) -> None:
    """Parse the command line, run and exit. run: takes Settings, the day or None, and by name `due` and the verb's options.

    at_end: called after the verb, however it ended.
    """
    parser = make_parser(doc)
    parser.add_argument(
        "--day", type=parse_day, help="the day to run for, YYYY-MM-DD (default: today, UTC; the world's day for the sample)"
    )
    due = "the day is the one on which the run was due: the sample's world runs for its own day instead"
    parser.add_argument("--due", action=argparse.BooleanOptionalAction, default=False, help=due)
    for name, text in flags.items():
        parser.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, default=False, help=text)
    for name, words in choices.items():
        parser.add_argument(f"--{name}", choices=words, default=words[0], help=f"default: {words[0]}")
    for name, text in days.items():
        parser.add_argument(f"--{name}", type=parse_day, help=text)
    arguments = vars(parser.parse_args())
    day = arguments.pop("day")
    start_log()
    code = run_and_map_errors(run, day, **arguments)
    at_end()
    sys.exit(code)


def make_parser(doc: str | None) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog=f"python -m tasks.{read_verb()}",
        description=doc,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def start_log(stream: TextIO | None = None) -> None:
    """Send the log to the stream, stdout by default; each line has the verb and, under Airflow, the attempt.

    TASK_ATTEMPT is read here, before the settings, so that a line about a wrong setting has it too.
    """
    attempt = json_log.parse_attempt(os.environ.get("TASK_ATTEMPT"))
    json_log.start_log(stream or sys.stdout, {"verb": read_verb(), **attempt})


def run_and_map_errors(run: Callable[..., None], *arguments: Any, **named: Any) -> int:
    """Run the verb and return its exit code; a TaskError becomes one log line, any other error keeps its traceback."""
    try:
        settings = Settings()
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            log.error("setting %s: %s", str(problem["loc"][0]).upper(), problem["msg"])
        return os.EX_CONFIG
    try:
        run(settings, *arguments, **named)
    except TaskError as error:
        log.error("%s: %s", type(error).__name__, error)
        return error.exit_code
    except Exception:
        log.exception("a fault in our code ended the task")
        return 1
    return os.EX_OK
