"""`python -m infra.cli`: the `marquee` command."""

from infra.cli import backfill_command, day_command, deployment_commands, use_commands  # noqa: F401  # add their commands to the app
from infra.cli.commands import app

app(prog_name="marquee")
