"""SOURCES: a folder must be whole, and a platform never mixes two sources."""

from pathlib import Path

import pytest

from infra.local.services.sources import REQUIRED, check_source, describe_source
from infra.local.stack import Stack
from infra.platform.errors import StackError
from infra.platform.settings import Settings


def settings(home: Path, **values: object) -> Settings:
    made = Settings.model_validate({"marquee_home": home, **values})
    made.layout.make()
    return made


def check(made: Settings) -> None:
    check_source(made, made.layout.data / "source")


def make_folder(folder: Path) -> Path:
    for name in REQUIRED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_missing_files_are_named(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "films")
    (folder / "imdb/title.crew.tsv.gz").unlink()
    with pytest.raises(StackError, match=r"lacks imdb/title\.crew\.tsv\.gz"):
        check(settings(tmp_path / "home", sources=str(folder)))


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="does not exist"):
        check(settings(tmp_path / "home", sources=str(tmp_path / "nowhere")))


def test_another_source_is_refused_with_the_command(tmp_path: Path) -> None:
    check(settings(tmp_path / "home", sources="sample"))
    check(settings(tmp_path / "home", sources="sample"))
    with pytest.raises(StackError, match="make reset"):
        check(settings(tmp_path / "home", sources="live"))
    with pytest.raises(StackError, match="sample of 500 films"):
        check(settings(tmp_path / "home", sources="sample", sample_films=500))


def test_the_same_folder_by_another_name_is_the_same_source(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "films")
    (tmp_path / "alias").symlink_to(folder)
    check(settings(tmp_path / "home", sources=str(folder)))
    check(settings(tmp_path / "home", sources=str(tmp_path / "alias")))


def test_live_needs_no_server_and_mentions_a_missing_token(tmp_path: Path) -> None:
    live = settings(tmp_path / "home", sources="live")
    assert "TMDB_ACCESS_TOKEN" in describe_source(live)
    stack = Stack.load(live)
    assert "sources" not in stack.services
    assert not [name for name in stack.environment("tasks") if name.startswith(("TMDB_", "IMDB_"))]
