"""Tests that `make secrets` adds to .env only what is missing."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from infra.compose import interpolation
from infra.compose.env_files import render
from infra.compose.interpolation import complete_env_file, make_interpolation, quote
from infra.platform.errors import StackError
from infra.platform.layout import REPOSITORY
from infra.platform.settings import Settings


@pytest.fixture(autouse=True)
def socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "docker.sock"
    path.touch()
    monkeypatch.setenv("DOCKER_SOCKET", str(path))
    monkeypatch.setattr(interpolation, "chosen_s3", lambda: None)
    return path


def settings(home: Path, **values: object) -> Settings:
    made = Settings.model_validate({"marquee_home": home, **values})
    made.layout.make()
    return made


def test_the_profiles_follow_from_the_source(tmp_path: Path) -> None:
    assert make_interpolation(settings(tmp_path))["COMPOSE_PROFILES"] == "core,s3,sources"
    assert make_interpolation(settings(tmp_path, sources="live"))["COMPOSE_PROFILES"] == "core,s3"


def test_a_folder_of_movies_is_named_whole(tmp_path: Path) -> None:
    made = make_interpolation(settings(tmp_path, sources=str(tmp_path)))
    assert made["SOURCES_FOLDER"] == made["SOURCES"] == str(tmp_path), "a folder is never taken for the sample's"


def test_with_an_external_s3_ours_is_not_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpolation, "chosen_s3", lambda: {"S3_BUCKET": "films"})
    assert make_interpolation(settings(tmp_path))["COMPOSE_PROFILES"] == "core,sources"


def test_the_lines_of_the_user_stay(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("COMPOSE_PROFILES=core\nAPI_PORT=1234")
    assert complete_env_file(settings(tmp_path), path) == ["DOCKER_GID", "MARQUEE_ID"]
    text = path.read_text()
    assert text.startswith("COMPOSE_PROFILES=core\nAPI_PORT=1234\nDOCKER_GID=")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert complete_env_file(settings(tmp_path), path) == []
    assert path.read_text() == text


def test_a_missing_engine_is_reported(tmp_path: Path, socket: Path) -> None:
    socket.unlink()
    with pytest.raises(StackError, match=r"docker\.sock"):
        make_interpolation(settings(tmp_path))


def test_the_id_of_other_secrets_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    complete_env_file(settings(tmp_path), path)
    before = dotenv_values(path)
    (settings(tmp_path).layout.secrets / "postgres_postgres").unlink()
    assert complete_env_file(settings(tmp_path), path) == ["MARQUEE_ID"]
    after = dotenv_values(path)
    assert after["MARQUEE_ID"] != before["MARQUEE_ID"]
    assert {**after, "MARQUEE_ID": ""} == {**before, "MARQUEE_ID": ""}


def test_a_folder_that_docker_cannot_mount_is_named(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"no folder with a colon in its path \(.*/a:b\)"):
        make_interpolation(settings(tmp_path, sources=str(tmp_path / "a:b")))


SPECIAL = "ab #$'\"`\\{}=:;|&~!*()<>?"
VALUES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12) | st.text(SPECIAL, max_size=12)


def read_by_compose(folder: Path, file: Path) -> dict[str, str]:
    """The variables of the file as Compose gives them to a service."""
    (folder / "compose.yml").write_text(f"services: {{one: {{image: none, env_file: [{file}]}}}}")
    compose = REPOSITORY / ".marquee" / "venvs" / "local" / "bin" / "docker-compose"
    command = [str(compose), "--env-file", os.devnull, "config", "--format", "json"]
    environment = {"PATH": os.environ["PATH"], "a": "interpolated", "b": "interpolated"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    read = json.loads(done.stdout)["services"]["one"]["environment"]
    return {name: value.replace("$$", "$") for name, value in read.items()}  # Compose prints each dollar twice


def can_be_written(value: str) -> bool:
    """Return true if the writer accepts the value; it rejects only values that the two readers understand differently."""
    if set(value) & set("\\\r\0") or "${" in value or ("'" in value and set(value) & set('"$`')):
        with pytest.raises(StackError, match="NAME may"):
            quote("NAME", value)
        return False
    return True


@given(st.lists(VALUES, min_size=40, max_size=40))
@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_compose_and_python_read_back_what_is_written(tmp_path: Path, values: list[str]) -> None:
    written = {f"V{number}": value for number, value in enumerate(values) if can_be_written(value)}
    path = tmp_path / "values.env"
    path.write_text(render(written))
    assert dotenv_values(path) == written
    assert read_by_compose(tmp_path, path) == written
