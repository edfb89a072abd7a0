"""The files of this machine that containers read through a mount. Their users are others, so others need the right to read."""

import stat
from pathlib import Path

from infra.local.services.sources import REQUIRED, source_folder
from infra.platform.errors import StackError
from infra.platform.layout import REPOSITORY
from infra.platform.settings import Settings

SCRIPTS = REPOSITORY / "infra" / "compose"
"""Folder of the start scripts that docker-compose.yml mounts. In a clone made under umask 077 nobody else can read them."""
USER = 10001
"""User and group of our images."""


def make_readable(settings: Settings) -> None:
    """Let the containers' users read the start scripts, which hold no secret.

    Raise StackError if a script belongs to another user, or if the containers' user cannot read the folder in SOURCES: its
    files are the user's own, so their modes are not changed.
    """
    for script in sorted(SCRIPTS.glob("*.sh")):
        if not script.stat().st_mode & stat.S_IROTH:
            open_script(script)
    if settings.sources not in {"sample", "live"}:
        check_sources_readable(source_folder(settings))


def open_script(script: Path) -> None:
    try:
        script.chmod(stat.S_IMODE(script.stat().st_mode) | 0o044)
    except PermissionError:
        raise StackError(f"The containers' users cannot read {script}: its owner must run `chmod a+r {script}`.") from None


def check_sources_readable(folder: Path) -> None:
    """Raise StackError unless the source server in its container can read the files that it needs; others report missing ones."""
    files = [folder / name for name in REQUIRED]
    folders = sorted({folder, *(file.parent for file in files)})
    closed = [path for path in folders if not may(path, 0o5)] + [path for path in files if not may(path, 0o4)]
    if closed:
        raise StackError(
            f"SOURCES={folder}: user {USER} of the containers cannot read {', '.join(map(str, closed))}. If others may read"
            f" these files, run `chmod -R o+rX {folder}`."
        )


def may(path: Path, right: int) -> bool:
    """Return True if the containers' user has the right, three bits, to a mounted path, or if there is no such path."""
    if not path.exists():
        return True
    status = path.stat()
    shift = 6 if status.st_uid == USER else 3 if status.st_gid == USER else 0
    return status.st_mode >> shift & right == right
