"""What `make secrets` adds to .env: only what is missing."""

import stat
from pathlib import Path

import pytest

from infra.compose import interpolation
from infra.compose.interpolation import complete_env_file, make_interpolation
from infra.platform.errors import StackError
from infra.platform.settings import Settings


@pytest.fixture(autouse=True)
def socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "docker.sock"
    path.touch()
    monkeypatch.setenv("DOCKER_SOCKET", str(path))
    monkeypatch.setattr(interpolation, "chosen_s3", lambda: None)
    return path


def settings(home: Path, **values: object) -> Settings:
    return Settings.model_validate({"marquee_home": home, **values})


def test_the_profiles_follow_from_the_source(tmp_path: Path) -> None:
    assert make_interpolation(settings(tmp_path))["COMPOSE_PROFILES"] == "core,s3,sources"
    assert make_interpolation(settings(tmp_path, sources="live"))["COMPOSE_PROFILES"] == "core,s3"


def test_a_folder_of_films_is_named_whole(tmp_path: Path) -> None:
    made = make_interpolation(settings(tmp_path, sources=str(tmp_path)))
    assert made["SOURCES_FOLDER"] == made["SOURCES"] == str(tmp_path), "a folder is never taken for the sample's"


def test_an_s3_of_one_s_own_leaves_ours_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpolation, "chosen_s3", lambda: {"S3_BUCKET": "films"})
    assert make_interpolation(settings(tmp_path))["COMPOSE_PROFILES"] == "core,sources"


def test_the_lines_of_the_user_stay(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("COMPOSE_PROFILES=core\nAPI_PORT=1234")
    assert complete_env_file(settings(tmp_path), path) == ["DOCKER_GID"]
    text = path.read_text()
    assert text.startswith("COMPOSE_PROFILES=core\nAPI_PORT=1234\nDOCKER_GID=")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert complete_env_file(settings(tmp_path), path) == []
    assert path.read_text() == text


def test_no_engine_is_said(tmp_path: Path, socket: Path) -> None:
    socket.unlink()
    with pytest.raises(StackError, match=r"docker\.sock"):
        make_interpolation(settings(tmp_path))
