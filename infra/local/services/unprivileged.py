"""The user Postgres runs as: ourselves, or `nobody` when we are root, whom Postgres refuses."""

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
    """Return the command as the unprivileged user runs it; unchanged when we are not root."""
    command = [str(word) for word in argv]
    if not is_root():
        return command
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise StackError(
            "Postgres may not run as root and `setpriv` is missing: install the package util-linux, or run as an ordinary user."
        )
    # setpriv looks its command up with root's rights still on; `env` in between looks up ours without them.
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
    """Return the user and group Postgres's files belong to."""
    if not is_root():
        return os.geteuid(), os.getegid()
    entry = pwd.getpwnam(USER)
    return entry.pw_uid, entry.pw_gid


def can_run(binary: Path) -> bool:
    """Return whether the unprivileged user really can start the binary: every folder above it must let them through."""
    return subprocess.run(drop_root(binary, "--version"), capture_output=True, check=False, cwd="/").returncode == 0


def can_reach(folder: Path) -> bool:
    """Return whether the unprivileged user can pass through the folder."""
    return subprocess.run(drop_root("/usr/bin/test", "-x", folder), capture_output=True, check=False, cwd="/").returncode == 0


def own(path: Path, mode: int) -> None:
    """Give a path to the unprivileged user."""
    os.chown(path, *ids())
    path.chmod(mode)


def share(path: Path, mode: int) -> None:
    """Keep a path ours and let the unprivileged user's group read it, so that they cannot change it."""
    os.chown(path, os.geteuid(), ids()[1])
    path.chmod(mode)
