"""`marquee up --docker`: from images to a prediction, every part a container; safe to repeat."""

import json
import subprocess
import time

from rich.console import Console

from infra.cli.first_run import run_pipeline, wait_until_ready
from infra.cli.predictions import describe_prediction, fetch_prediction, find_movie
from infra.cli.tables import next_table
from infra.compose.containers import ONCE, Containers
from infra.compose.env_files import write_env_files
from infra.compose.images import make_images
from infra.local.services.airflow import PASSWORDS
from infra.local.services.sources import check_source, describe_source
from infra.local.supervision.health import last_lines
from infra.platform.environment import AIRFLOW_USER
from infra.platform.errors import StackError
from infra.platform.layout import REPOSITORY
from infra.platform.progress import ConsoleProgress
from infra.platform.secrets import write_private
from infra.platform.settings import Settings

WITHIN = 600
"""Seconds until every container must be healthy."""
PAUSE = 0.5


def bring_up_containers(settings: Settings, console: Console) -> None:
    """Build, start, run the pipeline if it never ran, predict."""
    progress = ConsoleProgress(console)
    containers = Containers.load(settings, progress)
    write_env_files(settings, containers.secrets)
    write_private(settings.layout.secrets / PASSWORDS, json.dumps({AIRFLOW_USER: containers.secrets.read("airflow_password")}))
    check_source(settings, settings.layout.home / "compose" / "source")
    try:
        progress.say(f"Films come from {describe_source(settings)}.")
        make_images(progress)
        containers.marker.touch()
        start(containers)
        if not run_pipeline(containers):
            progress.say("  A feature set and a champion are there: the pipeline is not run again.")
        wait_until_ready(containers)
        movie = find_movie(settings, containers.secrets)
        prediction = fetch_prediction(settings, movie)
    finally:
        progress.close()
    console.print()
    console.print(describe_prediction(prediction), soft_wrap=True, markup=False)
    console.print()
    console.print(next_table(containers, movie))


def start(containers: Containers) -> None:
    """Start every service in the order of its needs, and return when all are healthy."""
    deadline = time.monotonic() + WITHIN
    wanted = containers.names()
    for name in wanted:
        containers.progress.begin(name, "starting")
    command = containers.command("up", "--detach", "--remove-orphans", "--quiet-pull")
    log = containers.settings.layout.logs / "compose.log"
    with (
        log.open("wb") as file,
        subprocess.Popen(command, env=containers.environment(), cwd=REPOSITORY, stdout=file, stderr=file) as compose,
    ):
        try:
            follow(containers, compose, wanted, deadline)
        except BaseException:
            compose.terminate()
            raise


def follow(containers: Containers, compose: "subprocess.Popen[bytes]", wanted: list[str], deadline: float) -> None:
    """Report each service that becomes healthy; raise with the logs of those that do not, in time or at all."""
    well: set[str] = set()
    states: dict[str, str] = {}
    # Looked at once more after Compose has ended: it may have replaced containers that were well.
    while compose.poll() is None or any(states.get(name) != "RUNNING" for name in wanted):
        states = containers.states()
        for name in [name for name in wanted if name not in well and states.get(name) == "RUNNING"]:
            containers.progress.end(name, "healthy")
            well.add(name)
        if compose.poll():
            failed = [name for name in ONCE if states.get(name, "EXITED 0") != "EXITED 0"]
            said = last_lines(containers.settings.layout.logs / "compose.log")
            raise StackError("\n".join(["The containers did not start:", said, *show_logs(containers, failed)]))
        if time.monotonic() > deadline:
            late = sorted(set(wanted) - well)
            raise StackError("\n".join([f"Not healthy after {WITHIN} s: {', '.join(late)}", *show_logs(containers, late)]))
        time.sleep(PAUSE)


def show_logs(containers: Containers, names: list[str]) -> list[str]:
    return [f"--- the end of {name}'s log\n{containers.last_lines(name)}" for name in names]
