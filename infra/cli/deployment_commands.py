"""The commands that list deployments and roll back to an earlier one."""

import getpass
import socket
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from infra.cli.commands import app
from infra.cli.output import console, load_platform, plain_errors
from infra.platform.connections import connect_postgres
from infra.platform.protocol import Platform

QUERY = """
    select deployment, case when live_at is null then coalesce(ended_how, 'being made')
                            when ended_at is null then 'live' else ended_how end,
           model_version, feature_set, day, kind, reason, made_by, made_at
    from deployment order by deployment desc limit %s
"""


@app.command()
def deployments(
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="how many, newest first")] = 20,
) -> None:
    """List the deployments: model, features, who made each, when and why."""
    with plain_errors():
        console.print(deployments_table(load_platform(), lines))


@app.command()
def rollback(
    deployment: Annotated[int | None, typer.Argument(help="a number of `marquee deployments`; default: the one before")] = None,
    reason: Annotated[str, typer.Option(help="why, for the record")] = "",
) -> None:
    """Go back to an earlier deployment in one step: model, features and predictions together."""
    with plain_errors():
        arguments = [] if deployment is None else [str(deployment)]
        person = f"{getpass.getuser()}@{socket.gethostname()}"
        raise typer.Exit(load_platform().run_verb("rollback", [*arguments, f"--reason={reason}", f"--by={person}"]))


def deployments_table(platform: Platform, lines: int) -> Table:
    """Return a table with one row for each of the newest deployments."""
    columns = ("deployment", "state", "model", "feature set", "day", "kind", "reason", "made by", "made at")
    table = Table(*columns, title="Deployments", title_justify="left")
    with connect_postgres(platform.endpoints, "movies") as connection:
        for *values, made_at in connection.execute(QUERY, [lines]):
            table.add_row(*(escape(str(value)) for value in values), f"{made_at:%Y-%m-%d %H:%M:%S}")
    return table
