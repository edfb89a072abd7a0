"""build.sh tags the images with the version that Compose reads from .env, however the line is written."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from infra.platform.layout import REPOSITORY

LOCAL = REPOSITORY / ".marquee" / "venvs" / "local"
LINES = {
    "plain": ("MARQUEE_VERSION=1.2-rc1", "1.2-rc1"),
    "comment": ("MARQUEE_VERSION=1.2 # of March", "1.2"),
    "double quotes": ('MARQUEE_VERSION="1.2" # of March', "1.2"),
    "single quotes": ("MARQUEE_VERSION='1.2'", "1.2"),
    "export": ("export MARQUEE_VERSION=1.2", "1.2"),
    "blanks": ("  MARQUEE_VERSION = 1.2", "1.2"),
    "another variable": ("NUMBER=7\nMARQUEE_VERSION=1.${NUMBER}", "1.7"),
    "the last one": ("MARQUEE_VERSION=1.1\nMARQUEE_VERSION=1.2", "1.2"),
    "empty": ("MARQUEE_VERSION=", "dev"),
    "none": ("API_PORT=8001\n#MARQUEE_VERSION=1.2", "dev"),
}
"""Lines of .env, and the tag that they mean."""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with build.sh, the reader of .env, and programs that print their words in place of Docker and Git."""
    for folder in ("infra/images", "infra/platform", "bin", ".marquee/venvs"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(REPOSITORY / "infra/images/build.sh", tmp_path / "infra/images")
    for module in ("__init__.py", *(f"platform/{path.name}" for path in (REPOSITORY / "infra/platform").glob("*.py"))):
        shutil.copy(REPOSITORY / "infra" / module, tmp_path / "infra" / module)
    (tmp_path / ".marquee/venvs/local").symlink_to(LOCAL)
    (tmp_path / "infra/images/docker.sh").write_text('echo "$@" >>calls\n')
    (tmp_path / "bin/git").write_text("#!/bin/sh\n")
    (tmp_path / "bin/git").chmod(0o755)
    (tmp_path / "compose.yml").write_text("services: {one: {image: 'marquee/tasks:${MARQUEE_VERSION:-dev}'}}")
    return tmp_path


def find_tag(clone: Path, **variables: str) -> str:
    """The tag that build.sh gives; the one that Compose then looks for is the same."""
    environment = {"PATH": f"{clone / 'bin'}:{os.environ['PATH']}", **variables}
    subprocess.run(["sh", "infra/images/build.sh", "tasks"], cwd=clone, env=environment, check=True, capture_output=True)
    tags = re.findall(r"--tag marquee/tasks:(\S+)", (clone / "calls").read_text())
    asked = [str(LOCAL / "bin" / "docker-compose"), "-f", "compose.yml", "config", "--images"]
    done = subprocess.run(asked, cwd=clone, env=environment, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == f"marquee/tasks:{tags[-1]}"
    return str(tags[-1])


@pytest.mark.parametrize(("lines", "tag"), LINES.values(), ids=LINES)
def test_the_tag_is_the_one_of_compose(clone: Path, lines: str, tag: str) -> None:
    (clone / ".env").write_text(f"{lines}\n")
    assert find_tag(clone) == tag


@pytest.mark.parametrize(("version", "tag"), [("test", "test"), ("", "dev")])
def test_the_environment_comes_first(clone: Path, version: str, tag: str) -> None:
    (clone / ".env").write_text("MARQUEE_VERSION=1.2\n")
    assert find_tag(clone, MARQUEE_VERSION=version) == tag
