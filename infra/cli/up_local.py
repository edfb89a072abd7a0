"""`marquee up`: from a fresh clone to a prediction; safe to repeat."""

from rich.console import Console

from infra.cli.first_run import run_pipeline, wait_until_ready
from infra.cli.predictions import describe_prediction, fetch_prediction, find_movie
from infra.cli.tables import next_table
from infra.local.disk import check_disk
from infra.local.environments import PLATFORM, Environments
from infra.local.services.sources import check_source, describe_source
from infra.local.stack import Stack
from infra.platform.progress import ConsoleProgress
from infra.platform.settings import Settings

SLOWEST = "feast-ui"
"""Nothing waits for it, so it gets ready while the pipeline runs."""


def bring_up(settings: Settings, console: Console) -> None:
    """Install, start, run the pipeline if it never ran, predict."""
    progress = ConsoleProgress(console)
    settings.layout.make()
    check_source(settings, settings.layout.data / "source")
    environments = Environments(settings.layout)
    check_disk(settings.marquee_home, environments, PLATFORM)
    try:
        progress.say(f"Films come from {describe_source(settings)}.")
        environments.install(PLATFORM, progress)
        stack = Stack.load(settings, progress)
        stack.start(name for name in stack.parts if name != SLOWEST)
        stack.begin(stack.parts[SLOWEST])
        if not run_pipeline(stack):
            progress.say("  A feature set and a champion are there: the pipeline is not run again.")
        wait_until_ready(stack)
        movie = find_movie(settings, stack.secrets)
        prediction = fetch_prediction(settings, movie)
        stack.wait_for([stack.parts[SLOWEST]])
    finally:
        progress.close()
    console.print()
    console.print(describe_prediction(prediction), soft_wrap=True, markup=False)
    console.print()
    console.print(next_table(stack, movie))
