"""The commands that start, stop and examine the platform. Each reads the settings, does one thing and prints the result."""

import webbrowser
from typing import Annotated

import typer

from infra.cli.commands.app import app
from infra.cli.doctor import CHECKS, examine
from infra.cli.log_files import find_logs, follow_logs, show_logs
from infra.cli.output import console, load, load_platform, plain_errors, refuse_containers, say
from infra.cli.tables import entry_points, findings_table, status_table
from infra.cli.up import bring_up_containers, bring_up_processes
from infra.cli.worker_doctor import WORKER_CHECKS
from infra.compose.containers import Containers
from infra.compose.env_files import env_folder
from infra.local.environments import Environments
from infra.platform.progress import ConsoleProgress
from infra.platform.settings import Settings


@app.command()
def up(
    docker: Annotated[bool, typer.Option("--docker", help="run every service and every task in a container")] = False,
) -> None:
    """Install, start, run the pipeline if it never ran, and predict. Safe to repeat."""
    with plain_errors():
        settings = Settings.read()
        with settings.layout.lock():
            if docker:
                bring_up_containers(settings, console)
            else:
                refuse_containers(settings)
                bring_up_processes(settings, console)


@app.command()
def down() -> None:
    """Stop everything; keep the data."""
    with plain_errors(), Settings.read().layout.lock():
        platform = load_platform()
        platform.stop()
        say(f"Everything is stopped; the data are kept. `{platform.start_command}` starts again.")


@app.command()
def status() -> None:
    """Show each service: state, port, address, memory."""
    with plain_errors():
        console.print(status_table(load_platform()))


@app.command()
def doctor() -> None:
    """Check each service as its users use it; exit 0 only if every check passes."""
    with plain_errors():
        platform = load_platform()
        checks = WORKER_CHECKS if isinstance(platform, Containers) and platform.has_worker_alone else CHECKS
        findings = examine(platform, checks)
        console.print(findings_table(findings))
        raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


@app.command()
def logs(
    service: Annotated[str | None, typer.Argument(help="a service, or supervisord (default: all)")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="print new lines as they arrive")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0)] = 20,
) -> None:
    """Show the last lines of the services' logs."""
    with plain_errors():
        platform = load_platform()
        if isinstance(platform, Containers):
            options = ["--tail", str(lines), *(["--follow"] if follow else []), *([service] if service else [])]
            raise typer.Exit(platform.run("logs", *options))
        found = find_logs(platform, service)
        show_logs(found, lines, say)
        if follow:
            follow_logs(found, say)


@app.command("open")
def open_pages(browser: Annotated[bool, typer.Option(help="also open them in a browser, where there is one")] = False) -> None:
    """Print the addresses of the API, Airflow, MLflow and Feast, and the file with Airflow's password."""
    with plain_errors():
        platform = load_platform()
        for name, url in entry_points(platform):
            say(f"{name:<10} {url}")
            if browser:
                webbrowser.open(url)
        say(f"Airflow's user and password are in {platform.settings.layout.airflow_passwords}")


@app.command()
def install(names: Annotated[list[str], typer.Argument(help="airflow, tasks, mlflow, serving, dev")]) -> None:
    """Build Python environments from their locks; environments that match their locks are left alone."""
    with plain_errors():
        layout = Settings.read().layout
        Environments(layout).install(tuple(names), ConsoleProgress(console))


@app.command()
def reset(yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False) -> None:
    """Stop everything and remove data, secrets and logs; keep the Python environments."""
    with plain_errors(), Settings.read().layout.lock():
        containers = Containers.load(Settings.read())
        home = containers.settings.marquee_home
        if not yes and not typer.confirm(f"Remove all data, models and secrets in {home}?"):
            raise typer.Exit(1)
        if env_folder(containers.settings).exists():
            containers.remove()
        load().remove()
        say(f"Removed the data, secrets and logs in {home}.")
