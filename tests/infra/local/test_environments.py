"""Environments: told ready by lock and place; the start script and the command agree on the stamp."""

import subprocess
from pathlib import Path

import pytest

from infra.local.disk import check_disk
from infra.local.environments import PLATFORM, Environments
from infra.platform.errors import StackError
from infra.platform.layout import REPOSITORY, Layout

BOOTSTRAP = REPOSITORY / "infra/local/bootstrap.sh"


def test_script_and_command_agree_on_the_stamp(tmp_path: Path) -> None:
    functions = BOOTSTRAP.read_text().split("if ! is_ready installer")[0]
    script = functions.replace('"$(dirname -- "$0")/../.."', f'"{REPOSITORY}"') + "\nwanted local\n"
    said = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True).stdout.strip()
    assert said == Environments(Layout(tmp_path)).wanted("local")


def test_wrong_python_is_named() -> None:
    functions = BOOTSTRAP.read_text().split("if ! is_ready installer")[0]
    variables = {"PYTHON": "/bin/false", "PATH": "/bin:/usr/bin"}
    command = ["/bin/sh", "-c", functions + "\nfind_python\n"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "PYTHON=/bin/false is not a Python 3.11" in done.stderr


def test_full_disk_is_told_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 10**8})
    monkeypatch.setattr("infra.local.disk.shutil.disk_usage", lambda path: usage)
    with pytest.raises(StackError, match=r"0\.1 GB free"):
        check_disk(tmp_path, Environments(Layout(tmp_path)), PLATFORM)
