"""`python -m infra.local`: the `marquee` command."""

from infra.local.cli import app

app(prog_name="marquee")
