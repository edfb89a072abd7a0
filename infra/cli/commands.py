"""The `marquee` command: each verb reads the settings, does one thing, and says what happened."""

import webbrowser
from typing import Annotated

import typer

from infra.cli.airflow_client import AirflowClient
from infra.cli.container_status import containers_table
from infra.cli.doctor import examine
from infra.cli.first_run import run_dag
from infra.cli.log_files import find_logs, follow_logs, show_logs
from infra.cli.output import console, load, load_platform, plain_errors, refuse_containers, say, tell
from infra.cli.predictions import describe_prediction, fetch_prediction
from infra.cli.tables import doors, findings_table, status_table
from infra.cli.up_compose import bring_up_containers
from infra.cli.up_local import bring_up
from infra.compose.containers import Containers
from infra.compose.env_files import env_folder, write_env_files, write_worker_files
from infra.compose.feast import run_feast_in_container
from infra.compose.interpolation import complete_env_file
from infra.local.environments import Environments
from infra.local.replay import run_replay
from infra.local.reset import remove_all
from infra.local.services.airflow import PASSWORDS
from infra.local.services.feast import run_feast
from infra.platform.api_keys import add_key, api_keys_file, revoke_key
from infra.platform.errors import StackError
from infra.platform.lock import only_one
from infra.platform.progress import ConsoleProgress
from infra.platform.settings import Settings

app = typer.Typer(name="marquee", help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
YES_OR_NO: dict[str, str | bool] = {"true": True, "false": False}
"""What --conf means by these words; a form's switch takes no text."""
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command()
def up(docker: Annotated[bool, typer.Option("--docker", help="every part and every task in a container")] = False) -> None:
    """Install, start, run the pipeline if it never ran, and predict. Safe to repeat."""
    with plain_errors():
        settings = Settings.read()
        with only_one(settings.layout):
            if docker:
                bring_up_containers(settings, console)
            else:
                refuse_containers(settings)
                bring_up(settings, console)


@app.command()
def down() -> None:
    """Stop everything; data stay."""
    with plain_errors(), only_one(Settings.read().layout):
        load_platform().stop()
        say("Everything is stopped; the data stay. `make up` starts again.")


@app.command()
def status() -> None:
    """Show each part: state, port, address, memory."""
    with plain_errors():
        platform = load_platform()
        console.print(containers_table(platform) if isinstance(platform, Containers) else status_table(platform))


@app.command()
def doctor() -> None:
    """Check each part as its users meet it; exit 0 only if all is well."""
    with plain_errors():
        findings = examine(load_platform())
        console.print(findings_table(findings))
        raise typer.Exit(0 if all(finding.well for finding in findings) else 1)


@app.command()
def logs(
    service: Annotated[str | None, typer.Argument(help="a part, or supervisord (default: all)")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="go on with new lines")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0)] = 20,
) -> None:
    """Show the last lines of the parts' logs."""
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
def open_doors(browser: Annotated[bool, typer.Option(help="also open them in a browser, where there is one")] = False) -> None:
    """Tell where the doors are, and where Airflow's password is."""
    with plain_errors():
        platform = load_platform()
        for name, url in doors(platform):
            say(f"{name:<10} {url}")
            if browser:
                webbrowser.open(url)
        say(f"Airflow's user and password are in {platform.settings.layout.secrets / PASSWORDS}")


@app.command()
def run(
    dag: Annotated[str, typer.Argument(help="refresh_movies, train_model or predict_all")],
    conf: Annotated[list[str] | None, typer.Option(help="a parameter, as key=value; may be repeated")] = None,
) -> None:
    """Start a DAG run and follow it; exit 1 with the failed task's last lines if it fails."""
    with plain_errors():
        platform = load_platform()
        pairs = [pair.partition("=") for pair in conf or []]
        wrong = [key for key, equals, _ in pairs if not equals]
        if wrong:
            raise StackError(f"--conf {wrong[0]} is not key=value")
        client = AirflowClient(platform.settings, platform.secrets)
        try:
            run_dag(platform, client, dag, {key: YES_OR_NO.get(value, value) for key, _, value in pairs})
        finally:
            platform.progress.close()
        say(f"{dag} succeeded.")


@app.command()
def predict(movie_id: Annotated[str, typer.Argument(help="an IMDb id (tt…), or a TMDB id, which is a number")]) -> None:
    """Ask the API for a film's rating."""
    with plain_errors():
        say(describe_prediction(fetch_prediction(Settings.read(), movie_id)))


@app.command(context_settings=PASS_ON)
def feast(context: typer.Context) -> None:
    """Run the feast CLI on the published feature set: `marquee feast feature-views list`."""
    with plain_errors():
        platform = load_platform()
        if isinstance(platform, Containers):
            raise typer.Exit(run_feast_in_container(platform, context.args))
        raise typer.Exit(run_feast(platform.settings, platform.secrets, context.args))


@app.command(context_settings=PASS_ON)
def replay(context: typer.Context) -> None:
    """Make predictions again from their receipts, and from the offline store as of then: `marquee replay PREDICTION_ID`.

    Says `equal`, or the field that differs; exit 0 if all are equal, 1 if some differ, 66 if an id is unknown.
    """
    with plain_errors():
        platform = load_platform()
        if isinstance(platform, Containers):
            raise typer.Exit(platform.run("run", "--rm", "--no-TTY", "replay", *context.args))
        raise typer.Exit(run_replay(platform.settings, platform.secrets, context.args))


@app.command("api-key")
def api_key(
    name: Annotated[str, typer.Argument(help="whose key: a-z, 0-9, dot, dash and underscore")],
    revoke: Annotated[bool, typer.Option("--revoke", help="take the key of that name away instead")] = False,
) -> None:
    """Make a key with which the API may be asked, and print it once; from the first on, it is asked with a key alone."""
    with plain_errors():
        settings = Settings.read()
        containers = Containers.load(settings)
        # As a process the API reads the file whenever it changes, once it knows of it.
        followed = api_keys_file(settings).exists() and not containers.marker.exists()
        when = "within two seconds" if followed else "after the next `make up`"
        with only_one(settings.layout):
            if revoke:
                left = revoke_key(settings, name)
                tell(f"The key of {name} is good no longer {when}; {left} are left.")
                if not left:
                    tell(f"Only the platform may ask now; to let everyone, remove {api_keys_file(settings)}, then `make up`.")
                return
            key = add_key(settings, containers.secrets, name)
            tell(f"The key of {name}, shown this once, for the header X-API-Key; it is good {when}:")
            typer.echo(key)


@app.command()
def secrets(
    for_worker: Annotated[str | None, typer.Option(help="write the files of a second host, which reaches this one so")] = None,
) -> None:
    """Make what `docker compose up` needs: secrets, the services' variables, and the lines that .env lacks."""
    with plain_errors():
        containers = Containers.load(Settings.read())
        if for_worker:
            folder = write_worker_files(containers.settings, containers.secrets, for_worker)
            say(f"Copy {folder} to the second host as .marquee/compose, and run there: docker compose --profile worker up")
            return
        folder = write_env_files(containers.settings, containers.secrets)
        added = complete_env_file(containers.settings)
        say(f"The services' variables are in {folder}; to .env was added: {', '.join(added) or 'nothing'}.")


@app.command()
def install(names: Annotated[list[str], typer.Argument(help="airflow, tasks, mlflow, serving, dev")]) -> None:
    """Build Python environments from their locks; those that are as the locks say are left alone."""
    with plain_errors():
        layout = Settings.read().layout
        Environments(layout).install(tuple(names), ConsoleProgress(console))


@app.command()
def reset(yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False) -> None:
    """Stop everything and remove data, secrets and logs; the Python environments stay."""
    with plain_errors(), only_one(Settings.read().layout):
        containers = Containers.load(Settings.read())
        home = containers.settings.marquee_home
        if not yes and not typer.confirm(f"Remove all data, models and secrets in {home}?"):
            raise typer.Exit(1)
        if env_folder(containers.settings).exists():
            containers.remove()
        remove_all(load())
        say(f"Removed the data, secrets and logs in {home}.")
