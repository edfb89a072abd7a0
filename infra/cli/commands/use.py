"""The commands that use a running platform: DAG runs, predictions, the feast CLI, replays, keys and secrets."""

from typing import Annotated

import typer

from infra.cli.airflow_client import AirflowClient
from infra.cli.commands.app import app
from infra.cli.feast_guard import check_reads_only
from infra.cli.first_run import run_dag
from infra.cli.output import load_platform, note, plain_errors, say
from infra.cli.predictions import describe_prediction, fetch_prediction
from infra.compose.containers import Containers
from infra.compose.env_files import write_env_files, write_worker_files
from infra.compose.interpolation import complete_env_file
from infra.compose.readable import make_readable
from infra.platform.api_keys import add_key, api_keys_file, revoke_key
from infra.platform.errors import StackError
from infra.platform.settings import Settings

SWITCHES: dict[str, str | bool] = {"true": True, "false": False}
"""Values of --conf that become booleans, because a boolean param of a DAG accepts no text."""
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command()
def run(
    dag: Annotated[str, typer.Argument(help="refresh_movies or train_model")],
    conf: Annotated[list[str] | None, typer.Option(help="a parameter, as key=value; may be repeated")] = None,
) -> None:
    """Start a DAG run and follow it; if it fails, print the failed task's last lines and exit 1."""
    with plain_errors():
        platform = load_platform()
        pairs = [pair.partition("=") for pair in conf or []]
        wrong = [key for key, equals, _ in pairs if not equals]
        if wrong:
            raise StackError(f"--conf {wrong[0]} is not key=value")
        client = AirflowClient(platform.endpoints)
        try:
            run_dag(platform, client, dag, {key: SWITCHES.get(value, value) for key, _, value in pairs})
        finally:
            platform.progress.close()
        say(f"{dag} succeeded.")


@app.command()
def predict(requested_id: Annotated[str, typer.Argument(help="an IMDb id (tt…), or a TMDB id, which is a number")]) -> None:
    """Ask the API for a movie's rating."""
    with plain_errors():
        say(describe_prediction(fetch_prediction(load_platform().endpoints, requested_id)))


@app.command(context_settings=PASS_ON)
def feast(context: typer.Context) -> None:
    """Run a feast command that reads the published feature set: `marquee feast feature-views list`."""
    with plain_errors():
        check_reads_only(context.args)
        raise typer.Exit(load_platform().run_feast(context.args))


@app.command(context_settings=PASS_ON)
def replay(context: typer.Context) -> None:
    """Compute predictions again from their receipts and the offline store of that time: `marquee replay PREDICTION_ID`.

    Prints `equal`, or the field that differs; exits 0 if all are equal, 1 if some differ, 66 if an id is unknown.
    """
    with plain_errors():
        raise typer.Exit(load_platform().run_verb("replay", context.args))


@app.command("api-key")
def api_key(
    name: Annotated[str, typer.Argument(help="the key's owner: a-z, 0-9, dot, dash and underscore")],
    revoke: Annotated[bool, typer.Option("--revoke", help="revoke the key of that name instead")] = False,
) -> None:
    """Make a key for the API and print it once; from the first key on, every request needs one."""
    with plain_errors():
        settings = Settings.read()
        containers = Containers.load(settings)
        # An API that runs as a process and was started with a key file reads the file again when it changes.
        keys = api_keys_file(containers.secrets)
        followed = keys.exists() and not containers.exist()
        when = "within two seconds" if followed else "after the next `make up`"
        with settings.layout.lock():
            if revoke:
                left = revoke_key(containers.secrets, name)
                note(f"The key of {name} stops working {when}; {left} are left.")
                if not left:
                    note(f"Only the platform has a key now; to need none, remove {keys}, then `make up`.")
                return
            key = add_key(containers.secrets, name)
            note(f"The key of {name}, shown this once, for the header X-API-Key; it works {when}:")
            typer.echo(key)


@app.command()
def secrets(
    for_worker: Annotated[
        str | None, typer.Option(help="write the files of a second host, given the address at which it reaches this one")
    ] = None,
) -> None:
    """Write what `docker compose up` needs: secrets, the services' variables, and the lines that .env lacks."""
    with plain_errors():
        containers = Containers.load(Settings.read())
        if for_worker:
            folder = write_worker_files(containers.settings, containers.secrets, for_worker)
            start = "docker compose --profile worker up --detach"
            say(f"Copy {folder} to the second host as .marquee/compose, and run there: {start}")
            return
        containers.check_volumes()
        make_readable(containers.settings)
        folder = write_env_files(containers.settings, containers.secrets)
        added = complete_env_file(containers.settings)
        say(f"The services' variables are in {folder}; added to .env: {', '.join(added) or 'nothing'}.")
