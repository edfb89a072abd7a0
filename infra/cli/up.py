"""`marquee up`: brings a fresh clone to its first prediction, as processes or in containers. Safe to repeat."""

from rich.console import Console

from infra.cli.first_run import run_pipeline, wait_until_ready
from infra.cli.predictions import describe_prediction, fetch_prediction, read_any_movie
from infra.cli.tables import next_table
from infra.compose.containers import Containers
from infra.compose.env_files import env_folder, write_env_files
from infra.compose.images import make_images
from infra.compose.readable import make_readable
from infra.compose.startup import start_containers
from infra.local.disk import check_disk
from infra.local.environments import PLATFORM, Environments
from infra.local.services.sources import check_source, describe_source
from infra.local.stack import Stack
from infra.platform.progress import ConsoleProgress
from infra.platform.protocol import Platform
from infra.platform.settings import Settings

SLOWEST = "feast-ui"
"""Nothing waits for this service, so it starts while the pipeline runs."""


def bring_up_processes(settings: Settings, console: Console) -> None:
    """Install, start the processes, run the pipeline if it never ran, and predict."""
    progress = ConsoleProgress(console)
    settings.layout.make()
    check_source(settings, settings.layout.data / "source")
    environments = Environments(settings.layout)
    check_disk(settings.marquee_home, environments, PLATFORM)
    try:
        progress.say(f"Source: {describe_source(settings)}.")
        environments.install(PLATFORM, progress)
        stack = Stack.load(settings, progress)
        stack.start(name for name in stack.services if name != SLOWEST)
        stack.startup.begin(stack.services[SLOWEST])
        movie = make_predictable(stack)
        prediction = fetch_prediction(stack.endpoints, movie)
        stack.startup.wait_for([stack.services[SLOWEST]])
    finally:
        progress.close()
    show_next_steps(stack, console, movie, describe_prediction(prediction))


def bring_up_containers(settings: Settings, console: Console) -> None:
    """Build, start the containers, run the pipeline if it never ran, and predict."""
    progress = ConsoleProgress(console)
    containers = Containers.load(settings, progress)
    containers.check_volumes()
    write_env_files(settings, containers.secrets)
    check_source(settings, env_folder(settings) / "source")
    make_readable(settings)
    try:
        progress.say(f"Source: {describe_source(settings)}.")
        make_images(progress)
        start_containers(containers)
        movie = make_predictable(containers)
        prediction = fetch_prediction(containers.endpoints, movie)
    finally:
        progress.close()
    show_next_steps(containers, console, movie, describe_prediction(prediction))


def make_predictable(platform: Platform) -> str:
    """Run the pipeline if it never ran, wait for the API, and return the id of a movie for which it can predict."""
    if not run_pipeline(platform):
        platform.progress.say("  A deployment is live, so the pipeline is not run again.")
    wait_until_ready(platform)
    return read_any_movie(platform.endpoints)


def show_next_steps(platform: Platform, console: Console, movie: str, prediction: str) -> None:
    """Print the prediction and the table of useful addresses and commands."""
    console.print()
    console.print(prediction, soft_wrap=True, markup=False)
    console.print()
    console.print(next_table(platform, movie))
