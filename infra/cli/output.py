"""Output of the commands: sentences, and no traceback for an error that is understood."""

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
    """Print to stderr, for people: stdout may go into a file or a variable."""
    typer.echo(line, err=True)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn an error that is understood into its sentence and exit code 1."""
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
        typer.echo("marquee: interrupted; started services go on, `make down` stops them", err=True)
        raise typer.Exit(130) from None


def load() -> Stack:
    """Return the embedded stack."""
    return Stack.load(Settings.read(), ConsoleProgress(console))


def load_platform() -> Stack | Containers:
    """Return the platform in the form in which it runs: as processes if supervisord answers, else in containers if it has any."""
    stack = load()
    if stack.supervisor.pid() is not None:
        return stack
    containers = Containers.load(stack.settings, stack.progress)
    return containers if containers.exist() else stack


def refuse_containers(settings: Settings) -> None:
    """Raise while the platform is up in containers: both forms want the same ports."""
    if Containers.load(settings).exist():
        raise StackError("This platform runs in containers: `make down` first, or go on with `make up ARGS=--docker`.")
