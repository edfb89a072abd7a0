"""infra/README.md's way up by hand: on the data of the other tests, in a clone, because the commands complete its .env.

The tests of two hosts, which come next, bring the platform up again by `up --docker`.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from infra.platform.layout import REPOSITORY
from tests.containers.platform import ContainerPlatform
from tests.e2e import checks
from tests.examples import check_answer, read_examples

pytestmark = pytest.mark.containers


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with the files of this working tree and the environments that are installed here."""
    made = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", "--shared", str(REPOSITORY), str(made)], check=True)
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(listed, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, files):
        if (REPOSITORY / name).is_file():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, made / name)
    (made / ".marquee").mkdir()
    (made / ".marquee" / "venvs").symlink_to(REPOSITORY / ".marquee" / "venvs")
    return made


def test_the_readme_s_commands_bring_the_platform_up(containers_platform: ContainerPlatform, clone: Path) -> None:
    files = os.environ["COMPOSE_FILE"].replace(str(REPOSITORY), str(clone))
    environment = {**containers_platform.environment(), "COMPOSE_FILE": files}

    def run(command: str) -> str:
        done = subprocess.run(
            ["sh", "-c", command], cwd=clone, env=environment, capture_output=True, text=True, timeout=900, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    # The tests before this one have changed movies: the run by hand would otherwise be the first one to see them.
    assert containers_platform.command("run", "refresh_movies").returncode == 0
    checks.wait_until_idle(containers_platform)
    before = containers_platform.run_in_tasks("state")
    assert containers_platform.command("down").returncode == 0
    for example in read_examples(REPOSITORY / "infra" / "README.md"):
        if example.where == "containers":
            check_answer(run(example.command), example.promised)
    checks.wait_until_idle(containers_platform)
    assert containers_platform.run_in_tasks("state") == before
    assert "airflow-scheduler" in run("make status")
    assert "api-1" in run("make logs SERVICE=api")
    passwords = Path(run("make open").split("password are in ")[1].strip())
    assert json.loads(passwords.read_text()).keys() == {"admin"}
    assert "`make up ARGS=--docker` starts again" in run("make down")
    assert containers_platform.containers.inspect() == {}
