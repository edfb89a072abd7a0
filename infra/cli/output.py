"""Output of the commands: plain sentences, and no traceback for an expected error."""

from collections.abc import Iterator
from contextlib import contextmanager

import requests
import typer

from infra.cli.tables import make_console
from infra.compose.containers import Containers
from infra.local.stack import Stack
from infra.platform.errors import StackError
from infra.platform.progress import ConsoleProgress
from infra.platform.settings import Settings

console = make_console()


def say(line: str) -> None:
    console.print(line, soft_wrap=True, markup=False)


def note(line: str) -> None:
    """Print a note to stderr, because stdout may go into a file or a variable."""
    typer.echo(line, err=True)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Print an expected error as one sentence and exit with code 1."""
    try:
        yield
    except StackError as error:
        typer.echo(f"marquee: {error}", err=True)
        raise typer.Exit(1) from None
    except requests.ConnectionError as error:
        typer.echo(
            f"marquee: {error.request.url if error.request else 'a server'} does not answer: is it up? `make status`", err=True
        )
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.echo("marquee: interrupted; started services keep running, `make down` stops them", err=True)
        raise typer.Exit(130) from None


def load() -> Stack:
    """Return the embedded stack."""
    return Stack.load(Settings.read(), ConsoleProgress(console))


def load_platform() -> Stack | Containers:
    """Return the running platform: the processes if supervisord answers, else the containers if there are any."""
    stack = load()
    if stack.supervisor.pid() is not None:
        return stack
    containers = Containers.load(stack.settings, stack.progress)
    return containers if containers.exist() else stack


def refuse_containers(settings: Settings) -> None:
    """Raise StackError if the platform has containers, because both forms use the same ports."""
    if Containers.load(settings).exist():
        raise StackError("This platform runs in containers: `make down` first, or go on with `make up ARGS=--docker`.")
