"""`python -m infra.cli`: the `marquee` command."""

from infra.cli.commands import app

app(prog_name="marquee")
