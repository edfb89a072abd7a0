"""Every make target works first in a fresh clone: a recipe installs each environment before it uses it."""

import re
import subprocess

import pytest

from infra.platform.layout import REPOSITORY

MAKEFILE = (REPOSITORY / "Makefile").read_text()
TARGETS = sorted(set(re.findall(r"(?m)^\.PHONY: (.*)$", MAKEFILE)[0].split()))
SERVER_MARKERS = ("integration", "e2e", "containers")
SERVER_ENVIRONMENTS = {"airflow", "tasks", "mlflow", "serving"}
"""Environments of the servers and tasks that these tests start, beside `local`, which the `marquee` command itself uses."""


def list_commands(target: str) -> list[str]:
    """Return the commands that make would run for a target, in their order."""
    command = ["make", "--dry-run", "--no-print-directory", "--jobs=1", target]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return done.stdout.replace("\\\n", " ").splitlines()


def needs(command: str) -> set[str]:
    """Return the environments that a command uses."""
    used = set(re.findall(r"\.marquee/venvs/([a-z]+)/", command))
    marker = re.search(r'pytest .*-m ("[^"]*"|\S+)', command)
    runs_servers = marker and any(re.search(rf"(?<!not ){name}", marker[1]) for name in SERVER_MARKERS)
    return used | (SERVER_ENVIRONMENTS if runs_servers else set())


def test_all_targets_are_phony_and_known() -> None:
    assert set(re.findall(r"(?m)^([a-z-]+(?: [a-z-]+)*):", MAKEFILE)) >= {"check", "test", "test-containers"}
    assert {name for line in re.findall(r"(?m)^([a-z][a-z -]*):", MAKEFILE) for name in line.split()} == set(TARGETS)


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_installs_what_it_uses(target: str) -> None:
    installed = {"installer", "local"}  # by bootstrap.sh, which every call of `marquee` goes through
    begun = False
    for command in list_commands(target):
        missing = needs(command) - installed
        assert not missing, f"make {target} uses {', '.join(missing)} before it is installed: {command}"
        if install := re.search(r"bootstrap\.sh install (.*)", command):
            installed |= set(install[1].split())
        begun = begun or "bootstrap.sh" in command
        assert begun or not needs(command), f"make {target} uses an environment before the first call of `marquee`: {command}"


def test_the_check_finds_a_target_that_needs_another_first() -> None:
    assert needs(".marquee/venvs/dev/bin/pytest -m containers --durations=25") == {"dev", *SERVER_ENVIRONMENTS}
    assert needs('.marquee/venvs/dev/bin/pytest -q -m "not integration and not e2e and not containers" tests') == {"dev"}
