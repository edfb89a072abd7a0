"""Postgres's folder is reachable whatever the umask is or was: `mkdir(mode=)` gives other modes under another umask."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.services import postgres_paths
from infra.local.services.postgres_paths import make_paths, remove_cluster
from infra.local.services.unprivileged import can_reach, can_run
from infra.platform.layout import Layout


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place of its own for folders outside the home, below folders that every user may enter."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    folder.chmod(0o755)
    monkeypatch.setattr(postgres_paths, "OUTSIDE", folder / "marquee")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def closed_layout(tmp_path: Path) -> Layout:
    tmp_path.chmod(0o700)
    layout = Layout(tmp_path / "home")
    layout.make()
    return layout


@pytest.mark.parametrize("umasks", [(0o077, 0o077), (0o077, 0o022), (0o022, 0o077), (0o027, 0o027)])
def test_the_folder_is_reachable_under_any_umask(outside: Path, closed_layout: Layout, umasks: tuple[int, int]) -> None:
    for umask in umasks:
        before = os.umask(umask)
        try:
            paths = make_paths(closed_layout, "stamp")
        finally:
            os.umask(before)
        assert can_reach(paths.folder)
        assert can_run(paths.binary("postgres"))
    remove_cluster(closed_layout)


def test_a_parent_folder_that_an_earlier_umask_closed_is_opened(outside: Path, closed_layout: Layout) -> None:
    paths = make_paths(closed_layout, "stamp")
    if paths.folder.parent.name == "marquee":  # as root; another user's cluster lies in the home
        paths.folder.parent.chmod(0o700)
    again = make_paths(closed_layout, "stamp")
    assert again.folder == paths.folder
    assert can_reach(again.folder)


def test_folders_of_the_home_have_their_modes_under_any_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        layout = Layout(tmp_path / "home")
        layout.make()
    finally:
        os.umask(before)
    modes = {
        folder.name: stat.S_IMODE(folder.stat().st_mode) for folder in (layout.data, layout.secrets, layout.run, layout.logs)
    }
    assert modes == {"data": 0o711, "secrets": 0o700, "run": 0o700, "logs": 0o700}
