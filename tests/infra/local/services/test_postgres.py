"""Tests that a stale postmaster.pid, left by a power loss or naming another program, does not stop Postgres from starting."""

import os
from pathlib import Path

import psutil
import pytest

from infra.local.services.postgres import remove_stale_postmaster

DAMAGED = [b"", b"\0" * 64, b"\xff\xfe\xff", b"\n", b"not a pid\n/data\n", b"-12\n"]


@pytest.mark.parametrize("content", [*DAMAGED, f"{os.getpid()}\n/data\n".encode(), b"4000000\n/data\n"])
def test_the_pid_file_of_a_stopped_server_is_removed(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "postmaster.pid"
    path.write_bytes(content)
    remove_stale_postmaster(tmp_path)
    assert not path.exists()


@pytest.mark.parametrize("content", [*DAMAGED, b"4242\n/data\n"])
def test_the_pid_file_of_a_running_server_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    class Server:
        def __init__(self, pid: int) -> None:
            self.pid = pid

        def name(self) -> str:
            return "postgres" if self.pid == 4242 else "other"

        def cwd(self) -> str:
            return str(tmp_path)

    monkeypatch.setattr(psutil, "Process", Server)
    monkeypatch.setattr(psutil, "pids", lambda: [1, 4242])
    path = tmp_path / "postmaster.pid"
    path.write_bytes(content)
    remove_stale_postmaster(tmp_path)
    assert path.read_bytes() == content


def test_a_cluster_without_the_file_is_left_alone(tmp_path: Path) -> None:
    remove_stale_postmaster(tmp_path)
    assert list(tmp_path.iterdir()) == []
