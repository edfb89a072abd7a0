"""The command that builds the features of past days again."""

from datetime import date
from typing import Annotated

import typer

from infra.cli.airflow_client import AirflowClient
from infra.cli.commands.app import app
from infra.cli.first_run import run_dag
from infra.cli.output import load_platform, plain_errors, say
from infra.platform.errors import StackError

BACKFILL = "backfill"


@app.command()
def backfill(
    first: Annotated[str, typer.Argument(help="the first day, YYYY-MM-DD")],
    last: Annotated[str, typer.Argument(help="the last day, YYYY-MM-DD")],
) -> None:
    """Build the features of past days again from the archived raw files. What is live stays; the same days change nothing."""
    with plain_errors():
        days = parse_days(first, last)
        platform = load_platform()
        try:
            run_dag(platform, AirflowClient(platform.endpoints), BACKFILL, days)
        finally:
            platform.progress.close()
        say(f"The offline store has the days from {first} to {last}; what is live has not changed.")


def parse_days(first: str, last: str) -> dict[str, str]:
    """Return the DAG's params. Raise StackError if one is not a day, or if they are in the wrong order."""
    for text in (first, last):
        try:
            date.fromisoformat(text)
        except ValueError:
            raise StackError(f"{text!r} is not a day; write it as YYYY-MM-DD.") from None
    if first > last:
        raise StackError(f"{first} is after {last}: give the first day, then the last one.")
    return {"since": first, "day": last}
