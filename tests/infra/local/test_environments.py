"""Tests the stamps of environments: of lock and path, and the same in the start script and the command."""

import subprocess
from pathlib import Path

import pytest

from infra.local.disk import check_disk
from infra.local.environments import PLATFORM, Environments
from infra.platform.environment import base_variables
from infra.platform.errors import StackError
from infra.platform.layout import REPOSITORY, Layout

BOOTSTRAP = REPOSITORY / "infra/local/bootstrap.sh"


def test_script_and_command_agree_on_the_stamp(tmp_path: Path) -> None:
    functions = BOOTSTRAP.read_text().split("if ! is_ready installer")[0]
    script = functions.replace('"$(dirname -- "$0")/../.."', f'"{REPOSITORY}"') + "\nwanted local\n"
    said = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True).stdout.strip()
    assert said == Environments(Layout(tmp_path)).wanted("local")


def test_the_stamp_is_the_same_through_a_link_to_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, linked = tmp_path / "real", tmp_path / "linked"
    real.mkdir()
    linked.symlink_to(real)
    monkeypatch.setattr(Layout, "environments", real)
    stamp = Environments(Layout(tmp_path)).wanted("local")
    monkeypatch.setattr(Layout, "environments", linked)
    assert Environments(Layout(tmp_path)).wanted("local") == stamp


def test_wrong_python_is_named() -> None:
    functions = BOOTSTRAP.read_text().split("if ! is_ready installer")[0]
    variables = {"PYTHON": "/bin/false", "PATH": "/bin:/usr/bin"}
    command = ["/bin/sh", "-c", functions + "\nfind_python\n"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "PYTHON=/bin/false is not a Python 3.11" in done.stderr


def test_a_full_disk_is_reported_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 10**8})
    monkeypatch.setattr("infra.local.disk.shutil.disk_usage", lambda path: usage)
    with pytest.raises(StackError, match=r"0\.1 GB free"):
        check_disk(tmp_path, Environments(Layout(tmp_path)), PLATFORM)


def run_choose_cache(**variables: str) -> list[str]:
    """The cache and the configuration folder after the script has chosen; empty where it leaves the user's."""
    functions = BOOTSTRAP.read_text().split("choose_cache\nif ! is_ready installer")[0]
    script = functions.replace('"$(dirname -- "$0")/../.."', '"$PLATFORM"')
    script += '\nchoose_cache\nprintf "%s\\n" "${XDG_CACHE_HOME:-}" "${XDG_CONFIG_HOME:-}"\n'
    environment = {"PATH": "/usr/bin:/bin", **variables}
    done = subprocess.run(["/bin/sh", "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize("home", ["/proc/nonexistent", "", None])
def test_a_home_that_cannot_be_written_is_not_needed(tmp_path: Path, home: str | None) -> None:
    chosen = run_choose_cache(PLATFORM=str(tmp_path), **({} if home is None else {"HOME": home or "/dev/null"}))
    assert chosen == [str(tmp_path / ".marquee" / "cache"), str(tmp_path / ".marquee" / "config")]
    assert all(Path(folder).is_dir() for folder in chosen)


def test_a_home_that_can_be_written_is_used_and_left_clean(tmp_path: Path) -> None:
    (tmp_path / "platform").mkdir()
    assert run_choose_cache(PLATFORM=str(tmp_path / "platform"), HOME=str(tmp_path)) == ["", ""]
    assert list((tmp_path / ".cache").iterdir()) == []


def test_the_servers_use_the_folders_that_were_chosen() -> None:
    chosen = {"XDG_CACHE_HOME": "/platform/cache", "XDG_CONFIG_HOME": "/platform/config"}
    assert chosen.items() <= base_variables(chosen).items()


def test_the_zone_of_the_servers_is_utc_whatever_the_shell_has() -> None:
    """Redis, SeaweedFS, supervisord and MLflow write the times of their logs without a zone."""
    assert base_variables({"TZ": "Asia/Seoul"})["TZ"] == base_variables({})["TZ"] == "UTC"
