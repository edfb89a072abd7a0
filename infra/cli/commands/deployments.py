"""The commands that list deployments and roll back to an earlier one."""

import getpass
import socket
from collections.abc import Mapping
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from infra.cli.commands.app import app
from infra.cli.output import console, load_platform, plain_errors
from infra.platform.connections import connect_postgres
from infra.platform.protocol import Platform

QUERY = """
    select deployment, case when live_at is null then coalesce(ended_how, 'being made')
                            when ended_at is null then 'live' else ended_how end,
           model_version, feature_set, day, kind, reason, made_by, images, made_at
    from deployment order by deployment desc limit %s
"""


@app.command()
def deployments(
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="how many, newest first")] = 20,
    images: Annotated[bool, typer.Option("--images", help="also the image of the deploying task, with its digest")] = False,
) -> None:
    """List the deployments: model, features, who made each, when and why."""
    with plain_errors():
        console.print(deployments_table(load_platform(), lines, images))


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


def deployments_table(platform: Platform, lines: int, images: bool) -> Table:
    """Return a table with one row for each of the newest deployments."""
    columns = ("deployment", "state", "model", "feature set", "day", "kind", "reason", "made by")
    table = Table(*columns, *(["image"] if images else []), "made at", title="Deployments", title_justify="left")
    with connect_postgres(platform.endpoints, "movies") as connection:
        for *values, image, made_at in connection.execute(QUERY, [lines]):
            shown = [*values, describe_images(image)] if images else values
            table.add_row(*(escape(str(value)) for value in shown), f"{made_at:%Y-%m-%d %H:%M:%S}")
    return table


def describe_images(images: Mapping[str, str | None] | None) -> str:
    """Return the names and digests in one line; "-" for a deployment that was made in a process."""
    named = (f"{name}@{digest}" if digest else f"{name}, digest not known" for name, digest in (images or {}).items())
    return "; ".join(named) or "-"
