"""The user that Postgres runs as: the current user, or `nobody` instead of root, because Postgres does not run as root."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from infra.platform.errors import StackError

USER = "nobody"


def is_root() -> bool:
    return os.geteuid() == 0


def drop_root(*argv: str | Path) -> list[str]:
    """Return the command that runs as the unprivileged user; unchanged unless the current user is root."""
    command = [str(word) for word in argv]
    if not is_root():
        return command
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise StackError(
            "Postgres may not run as root and `setpriv` is missing: install the package util-linux, or run as an ordinary user."
        )
    # setpriv resolves its command with root's rights; `env` then resolves the real command without them.
    return [
        setpriv,
        f"--reuid={USER}",
        f"--regid={ids()[1]}",
        "--clear-groups",
        "--inh-caps=-all",
        "--",
        "/usr/bin/env",
        *command,
    ]


def ids() -> tuple[int, int]:
    """Return the ids of the user and group that own Postgres's files."""
    if not is_root():
        return os.geteuid(), os.getegid()
    entry = pwd.getpwnam(USER)
    return entry.pw_uid, entry.pw_gid


def can_run(binary: Path) -> bool:
    """Return True if the unprivileged user can start the binary, which needs access to every folder above it."""
    return subprocess.run(drop_root(binary, "--version"), capture_output=True, check=False, cwd="/").returncode == 0


def can_reach(folder: Path) -> bool:
    """Return True if the unprivileged user can enter the folder."""
    return subprocess.run(drop_root("/usr/bin/test", "-x", folder), capture_output=True, check=False, cwd="/").returncode == 0


def own(path: Path, mode: int) -> None:
    """Make the unprivileged user the owner of a path, and set its mode."""
    os.chown(path, *ids())
    path.chmod(mode)


def share(path: Path, mode: int) -> None:
    """Set a path's mode and give it the unprivileged user's group. The owner stays, so that user cannot change the mode."""
    os.chown(path, os.geteuid(), ids()[1])
    path.chmod(mode)
