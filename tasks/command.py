"""The seam between a verb and whoever starts it: `--day` in, an exit code out."""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tasks.core.errors import TaskError
from tasks.io.postgres.lease import take
from tasks.settings import Settings

log = logging.getLogger("tasks")

NO_FLAGS: Mapping[str, str] = {}

EXIT_CODES = f"""exit codes (sysexits.h):
  0   done, or nothing to do: the same day and inputs twice leave the same state
  1   a fault of ours; the traceback is in the log
  2   wrong command line
  {os.EX_DATAERR}  the data it reads are not what they must be; retrying does not help
  {os.EX_TEMPFAIL}  an outside system does not answer, or another attempt has the lease; try again later
  {os.EX_NOPERM}  an outside system refuses our credentials
  {os.EX_CONFIG}  a setting is missing or wrong"""


def parse_day(text: str) -> date:
    """Parse `YYYY-MM-DD`; a day after today (UTC) is refused, since nothing can be known of it."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day; write it as YYYY-MM-DD") from None
    if day > datetime.now(UTC).date():
        raise argparse.ArgumentTypeError(f"{text} is in the future; give today (UTC) or an earlier day")
    return day


def main(run: Callable[..., None], doc: str | None, flags: Mapping[str, str] = NO_FLAGS) -> None:
    """Run one verb under its lease and exit with its code; `doc` is the verb's module docstring, shown by --help.

    run: takes Settings, the day, the lease and, by name, each flag as a bool. flags: what each does, by its name.
    """

    def run_leased(settings: Settings, day: date, **given: bool) -> None:
        with take(settings, read_verb()) as lease:
            run(settings, day, lease, **given)

    main_without_lease(run_leased, doc, flags)


def read_verb() -> str:
    """The module that `python -m tasks.<verb>` runs."""
    return Path(sys.argv[0]).stem


def main_without_lease(run: Callable[..., None], doc: str | None, flags: Mapping[str, str] = NO_FLAGS) -> None:
    """The same for a verb that two may run at once; it takes no lease."""
    parser = make_parser(doc)
    today = datetime.now(UTC).date()
    parser.add_argument("--day", type=parse_day, default=today, help="the day to run for, YYYY-MM-DD (default: today, UTC)")
    for name, text in flags.items():
        parser.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, default=False, help=text)
    given = vars(parser.parse_args())
    day = given.pop("day")
    start_log()
    sys.exit(run_and_map_errors(run, day, **given))


def make_parser(doc: str | None) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog=f"python -m tasks.{read_verb()}",
        description=doc,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def start_log() -> None:
    logging.basicConfig(level=logging.WARNING, stream=sys.stdout, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("tasks").setLevel(logging.INFO)


def run_and_map_errors(run: Callable[..., None], *arguments: Any, **named: Any) -> int:
    """Run the verb; an understood error becomes one log line and its exit code, any other keeps its traceback."""
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
    return os.EX_OK
