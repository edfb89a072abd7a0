"""Tests that damaged state files count as missing."""

from pathlib import Path

import pytest

from infra.local.services.sources import check_source
from infra.platform.api_keys import add_key, api_keys_file
from infra.platform.errors import StackError
from infra.platform.layout import Layout, read_state, write_state
from infra.platform.secrets import Secrets
from infra.platform.settings import Settings

DAMAGED = [b"", b"\0" * 16, b"\xff\xfe\x00", b"\n"]


def test_a_state_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_state(tmp_path / "state", "sample of 100 movies")
    assert read_state(tmp_path / "state") == "sample of 100 movies"
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_state_file_counts_as_missing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state").write_bytes(content)
    assert read_state(tmp_path / "state") == read_state(tmp_path / "missing") == ""


@pytest.mark.parametrize("content", [*DAMAGED, b"half"])
def test_a_damaged_platform_id_is_made_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "stack_id").write_bytes(content)
    made = Layout(tmp_path).stack_id()
    assert len(made) == 16
    assert Layout(tmp_path).stack_id() == made


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_record_of_the_source_is_written_anew(tmp_path: Path, content: bytes) -> None:
    settings, record = Settings(_env_file=None, marquee_home=tmp_path), tmp_path / "source"
    record.write_bytes(content)
    check_source(settings, record)
    assert read_state(record) == "sample of 20000 films"


@pytest.mark.parametrize("line", ["\0\0\0", "ann", "ann:short", ":" + "0" * 64])
def test_a_damaged_file_of_keys_is_named_with_the_line(tmp_path: Path, line: str) -> None:
    secrets = Secrets(tmp_path)
    add_key(secrets, "ann")
    with api_keys_file(secrets).open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(StackError, match=r"api_keys, line 3, is not `name:sha256 of a key`"):
        add_key(secrets, "bob")
