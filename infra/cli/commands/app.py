"""The command `marquee`, to which the other files of this folder add its subcommands."""

import typer

app = typer.Typer(
    name="marquee",
    help="Runs the Marquee platform: as processes of this machine, or in containers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
