"""The user that Postgres runs as: the current one, or `nobody` in place of root, since Postgres refuses root."""

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
    """Return the command that runs as the unprivileged user; unchanged unless this is root."""
    command = [str(word) for word in argv]
    if not is_root():
        return command
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise StackError(
            "Postgres may not run as root and `setpriv` is missing: install the package util-linux, or run as an ordinary user."
        )
    # setpriv looks its command up while it still has root's rights; `env` in between looks up the real command without them.
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
    """Return whether the unprivileged user can start the binary, which needs access to every folder above it."""
    return subprocess.run(drop_root(binary, "--version"), capture_output=True, check=False, cwd="/").returncode == 0


def can_reach(folder: Path) -> bool:
    """Return whether the unprivileged user can pass through the folder."""
    return subprocess.run(drop_root("/usr/bin/test", "-x", folder), capture_output=True, check=False, cwd="/").returncode == 0


def own(path: Path, mode: int) -> None:
    """Give a path to the unprivileged user."""
    os.chown(path, *ids())
    path.chmod(mode)


def share(path: Path, mode: int) -> None:
    """Give a path the mode with the unprivileged user's group; the owner stays, so that user cannot change it."""
    os.chown(path, os.geteuid(), ids()[1])
    path.chmod(mode)
