"""The command that moves the synthetic sample's world on, and runs the pipeline for its days."""

import re
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import requests
import typer

from infra.cli.airflow_client import AirflowClient
from infra.cli.commands.app import app
from infra.cli.first_run import REFRESH, follow_training, run_dag
from infra.cli.output import load_platform, plain_errors, say
from infra.cli.pipeline_runs import finish_runs, has_run_whole
from infra.platform.connections import local_session
from infra.platform.endpoints import Endpoints
from infra.platform.errors import StackError
from infra.platform.protocol import Platform

MOVE_SECONDS = 120
"""Deadline for the source server to make the movies of another day."""


@app.command()
def day(
    to: Annotated[str | None, typer.Argument(help="+30 for thirty days on, or YYYY-MM-DD (default: show the day)")] = None,
    every: Annotated[int, typer.Option(min=1, help="run the pipeline on every n-th day, and on the last one")] = 1,
    last: Annotated[bool, typer.Option("--last", help="run the pipeline on the last day alone")] = False,
) -> None:
    """Move the synthetic sample's world on, and run the pipeline for its days. The same day again changes nothing.

    If the pipeline did not end well on the world's day, it runs there first; with --last it does not.
    """
    with plain_errors():
        platform = load_platform()
        if platform.settings.sources != "sample":
            raise StackError(f"SOURCES={platform.settings.sources} has no world of its own: its day is today.")
        world = call_world(platform.endpoints, "GET")
        if to is None:
            scenarios = f", scenarios {', '.join(world['scenarios'])}" if world["scenarios"] else ""
            say(f"The world's day is {world['day']}: seed {world['seed']}, {world['movies']} movies at first{scenarios}.")
            return
        now = date.fromisoformat(world["day"])
        target = parse_target(to, now)
        client = AirflowClient(platform.endpoints)
        try:
            finish_runs(platform, client)
            again = not last and not has_run_whole(platform.endpoints, client, now)
            for stop in list_stops(now, target, (target - now).days if last else every, again=again):
                finish_runs(platform, client)  # the nightly run may have begun
                move_to(platform, client, stop)
        except BaseException:
            options = " --last" if last else f" --every {every}" if every > 1 else ""
            say(f"The world is on its way to {target}; `marquee day {target}{options}` goes on from where it stopped.")
            raise
        finally:
            platform.progress.close()


def parse_target(text: str, now: date) -> date:
    """Return the day that `+N` or a date names. Raise StackError if it is neither, or before the world's day."""
    try:
        target = now + timedelta(int(text)) if re.fullmatch(r"\+[0-9]{1,5}", text) else date.fromisoformat(text)
    except (ValueError, OverflowError):
        raise StackError(f"{text!r} is not a day; write +30 or YYYY-MM-DD.") from None
    if target < now:
        raise StackError(f"The world's day is {now} and it does not go back to {target}; `marquee backfill` builds past days.")
    return target


def list_stops(now: date, target: date, step: int, *, again: bool = False) -> Iterator[date]:
    """Yield the days after `now` on which the pipeline runs; the target is the last one, also if it is `now`.

    again: `now` is the first one, because the pipeline was interrupted there.
    """
    if again and now < target:
        yield now
    while (target - now).days > max(step, 1):
        now += timedelta(step)
        yield now
    yield target


def move_to(platform: Platform, client: AirflowClient, stop: date) -> None:
    """Move the world to the day, run the pipeline through Airflow, and tell in one line what happened."""
    started = time.monotonic()
    told = call_world(platform.endpoints, "PUT", {"day": f"{stop}"})["told"]
    since = datetime.now(UTC) - timedelta(seconds=1)
    run_dag(platform, client, REFRESH, {"day": f"{stop}"})
    follow_training(platform, client, since)
    say(f"{stop}: {told} ({time.monotonic() - started:.0f} s)")


def call_world(endpoints: Endpoints, method: str, body: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the source server's answer about the world. Raise StackError with its reason if it rejects the body."""
    with local_session() as session:
        answer = session.request(method, f"{endpoints.sources.url}/world", json=body, timeout=MOVE_SECONDS)
    if answer.status_code == requests.codes.unprocessable:
        raise StackError(f"The world does not move: {answer.json()['detail']}.")
    answer.raise_for_status()
    world: dict[str, Any] = answer.json()
    return world
