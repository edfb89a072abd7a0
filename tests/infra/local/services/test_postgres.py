"""Tests that a stale postmaster.pid, left by a power loss or naming another program, does not stop Postgres from starting."""

import os
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from infra.local.services.postgres import remove_stale_postmaster
from infra.local.services.unprivileged import ids

DAMAGED = [b"", b"\0" * 64, b"\xff\xfe\xff", b"\n", b"not a pid\n/data\n", b"-12\n"]


@pytest.mark.parametrize("content", [*DAMAGED, f"{os.getpid()}\n/data\n".encode(), b"4000000\n/data\n"])
def test_the_pid_file_of_a_stopped_server_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(psutil, "pids", lambda: [1, os.getpid()])  # the machine may run a Postgres of a container, as our user
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

        def uids(self) -> SimpleNamespace:
            return SimpleNamespace(real=ids()[0])

        def cwd(self) -> str:
            return str(tmp_path)

    monkeypatch.setattr(psutil, "Process", Server)
    monkeypatch.setattr(psutil, "pids", lambda: [1, 4242])
    path = tmp_path / "postmaster.pid"
    path.write_bytes(content)
    remove_stale_postmaster(tmp_path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [*DAMAGED, b"4242\n/data\n"])
@pytest.mark.parametrize("other", [True, False])
def test_a_server_whose_folder_is_hidden_counts_only_if_it_is_of_the_cluster_s_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, other: bool
) -> None:
    class Server:
        def __init__(self, pid: int) -> None:
            self.pid = pid

        def name(self) -> str:
            return "postgres"

        def cwd(self) -> str:
            raise psutil.AccessDenied(self.pid)

        def uids(self) -> SimpleNamespace:
            return SimpleNamespace(real=ids()[0] + other)

    monkeypatch.setattr(psutil, "Process", Server)
    monkeypatch.setattr(psutil, "pids", lambda: [4242])
    (tmp_path / "postmaster.pid").write_bytes(content)
    remove_stale_postmaster(tmp_path)
    assert (tmp_path / "postmaster.pid").exists() is not other


def test_a_cluster_without_the_file_is_left_alone(tmp_path: Path) -> None:
    remove_stale_postmaster(tmp_path)
    assert list(tmp_path.iterdir()) == []
