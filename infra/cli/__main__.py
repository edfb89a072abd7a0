"""`python -m infra.cli`: the `marquee` command."""

from infra.cli.commands import platform  # noqa: F401  # its commands lead the list that --help shows

# isort: split
from infra.cli.commands import backfill, day, deployments, use  # noqa: F401  # add their commands to the app
from infra.cli.commands.app import app

app(prog_name="marquee")
