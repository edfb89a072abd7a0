"""Tests secrets: generated once, readable by their owner only, long, and all different."""

from pathlib import Path

import pytest

from infra.platform.errors import StackError
from infra.platform.layout import Layout
from infra.platform.secrets import Secrets, write_private


def test_secret_is_made_once_and_private(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path)
    first = secrets.read("redis_api")
    assert secrets.read("redis_api") == first
    assert first.isalnum()
    assert len(first) >= 43
    assert (tmp_path / "redis_api").stat().st_mode & 0o777 == 0o600
    assert secrets.read("redis_feast") != first


def test_readable_secret_is_refused(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path)
    secrets.read("x")
    (tmp_path / "x").chmod(0o644)
    with pytest.raises(StackError, match="chmod 600"):
        secrets.read("x")


def test_known_default_is_refused(tmp_path: Path) -> None:
    write_private(tmp_path / "airflow_password", "airflow")
    with pytest.raises(StackError, match="shorter than"):
        Secrets(tmp_path).read("airflow_password")


@pytest.mark.parametrize(
    "content",
    [b"\0" * 43, b"\xff" * 43, b"a secret that a power loss cut\0\0\0", "pässword-of-someone".encode()],
    ids=["zeros", "no text", "cut", "no ASCII"],
)
def test_a_damaged_secret_is_refused_and_not_replaced(tmp_path: Path, content: bytes) -> None:
    write_private(tmp_path / "redis_api", "")
    (tmp_path / "redis_api").write_bytes(content)
    with pytest.raises(StackError, match=r"redis_api is damaged.*copy, or delete the file"):
        Secrets(tmp_path).read("redis_api")
    assert (tmp_path / "redis_api").read_bytes() == content


def test_folders_of_secrets_are_closed(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "home")
    layout.make()
    assert {folder.stat().st_mode & 0o777 for folder in (layout.secrets, layout.run, layout.logs)} == {0o700}
    assert layout.stack_id() == layout.stack_id()
