"""`python -m infra.cli`: the `marquee` command."""

from infra.cli import use_commands  # noqa: F401  # adds its commands to the app
from infra.cli.commands import app

app(prog_name="marquee")
