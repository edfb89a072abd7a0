"""Tests the guard of the feast CLI: reading commands pass; others are rejected with a sentence that names the right command."""

import pytest
from typer.testing import CliRunner

from infra.cli.commands import use  # noqa: F401  # adds `feast` to the app
from infra.cli.commands.app import app
from infra.cli.feast_guard import check_reads_only
from infra.platform.errors import StackError

CHANGING = [
    "apply",
    "teardown",
    "delete",
    "materialize",
    "materialize-incremental",
    "init",
    "listen",
    "serve_registry",
    "mcp",
    "plan",
]


@pytest.mark.parametrize("command", CHANGING)
@pytest.mark.parametrize("options", [[], ["--log-level", "debug"], ["-c", "repo", "-f", "list"], ["--chdir=repo"]])
def test_a_command_that_changes_is_rejected_wherever_it_stands(command: str, options: list[str]) -> None:
    with pytest.raises(StackError, match=f"`feast {command}` could change the live feature set.*make run DAG=refresh_movies"):
        check_reads_only([*options, command, "movies"])


@pytest.mark.parametrize("words", ["projects delete marquee", "feature-views set-state movies x", "feature-views disable movies"])
def test_a_subcommand_that_changes_is_rejected_by_name(words: str) -> None:
    with pytest.raises(StackError, match=f"`feast {' '.join(words.split()[:2])}` could change"):
        check_reads_only(words.split())


READING = """

--help
apply --help
version
registry-dump
feature-views list
--log-level info entities describe movie
get-online-features -e movie_id=tt0111161 -f movies:genre_drama
projects
ui --port 9000
permissions list-roles
"""


@pytest.mark.parametrize("words", READING.splitlines())
def test_a_command_that_reads_passes(words: str) -> None:
    check_reads_only(words.split())


def test_the_command_asks_the_guard_before_anything_is_started() -> None:
    done = CliRunner().invoke(app, ["feast", "teardown"])
    assert done.exit_code == 1
    assert done.stderr.startswith("marquee: `feast teardown` could change the live feature set")
