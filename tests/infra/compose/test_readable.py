"""What containers read through a mount is readable for their users, whatever the umask of the clone."""

import os
from pathlib import Path

import pytest

from infra.compose import readable
from infra.compose.readable import SCRIPTS, make_readable
from infra.local.services.sources import REQUIRED
from infra.platform.errors import StackError
from infra.platform.layout import REPOSITORY
from infra.platform.settings import Settings
from tests.compose_services import read_services


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The start scripts as git writes them under umask 077."""
    folder = tmp_path / "clone"
    folder.mkdir(mode=0o700)
    for script in SCRIPTS.glob("*.sh"):
        (folder / script.name).write_bytes(script.read_bytes())
        (folder / script.name).chmod(0o600)
    monkeypatch.setattr(readable, "SCRIPTS", folder)
    return folder


def make_sources(folder: Path, file_mode: int, folder_mode: int) -> Path:
    for name in REQUIRED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
        (folder / name).chmod(file_mode)
    for each in (folder / "imdb", folder / "tmdb", folder):
        each.chmod(folder_mode)
    return folder


def test_each_file_of_the_clone_that_compose_mounts_is_made_readable() -> None:
    mounted = {
        REPOSITORY / volume.partition(":")[0]
        for service in read_services().values()
        for volume in service.get("volumes", [])
        if volume.startswith("./")
    }
    assert mounted == set(SCRIPTS.glob("*.sh"))


def test_scripts_of_a_clone_under_umask_077_become_readable_and_no_more(clone: Path) -> None:
    make_readable(Settings())
    assert {script.name: oct(script.stat().st_mode & 0o777) for script in clone.iterdir()} == {
        script.name: "0o644" for script in SCRIPTS.glob("*.sh")
    }


def test_scripts_that_can_be_read_are_left_alone(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for script in clone.iterdir():
        script.chmod(0o604)
    monkeypatch.setattr(Path, "chmod", lambda path, mode: pytest.fail(f"{path} was changed"))
    make_readable(Settings())


def test_a_script_of_another_user_is_named_with_the_remedy(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, mode: int) -> None:
        raise PermissionError(1, os.strerror(1), str(path))

    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(StackError, match=r"its owner must run `chmod a\+r .*/api\.sh`"):
        make_readable(Settings())


@pytest.mark.parametrize(("file_mode", "folder_mode", "named"), [(0o600, 0o755, "imdb/title.basics"), (0o644, 0o700, "/tmdb")])
def test_private_sources_are_refused_by_name_and_not_opened(
    clone: Path, tmp_path: Path, file_mode: int, folder_mode: int, named: str
) -> None:
    folder = make_sources(tmp_path / "movies", file_mode, folder_mode)
    with pytest.raises(StackError) as raised:
        make_readable(Settings.model_validate({"sources": str(folder)}))
    assert named in str(raised.value)
    assert f"chmod -R o+rX {folder}" in str(raised.value)
    assert (folder / REQUIRED[0]).stat().st_mode & 0o777 == file_mode


def test_sources_that_others_or_the_containers_user_can_read_are_accepted(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_readable(Settings.model_validate({"sources": str(make_sources(tmp_path / "open", 0o644, 0o755))}))
    private = make_sources(tmp_path / "private", 0o600, 0o700)
    monkeypatch.setattr(readable, "USER", os.getuid())
    make_readable(Settings.model_validate({"sources": str(private)}))


def test_missing_sources_are_left_to_the_check_of_the_sources(clone: Path, tmp_path: Path) -> None:
    make_readable(Settings.model_validate({"sources": str(tmp_path / "missing")}))
