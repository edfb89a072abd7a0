"""Tests that Redis sets unreadable data aside and starts empty, and that the API starts without any store."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.local.services import valkey
from infra.local.stack import Stack
from infra.platform.connections import check_url, connect_redis
from infra.platform.errors import StackError
from infra.platform.layout import REPOSITORY
from infra.platform.settings import Settings

pytestmark = pytest.mark.integration


def find(folder: Path, pattern: str) -> Path:
    (path,) = (folder / "appendonlydir").glob(pattern)
    return path


def truncate_manifest(folder: Path) -> None:
    find(folder, "*.manifest").write_bytes(b"")


def zero_manifest(folder: Path) -> None:
    path = find(folder, "*.manifest")
    path.write_bytes(b"\0" * path.stat().st_size)


def remove_base(folder: Path) -> None:
    find(folder, "*.base.rdb").unlink()


def spoil_base(folder: Path) -> None:
    find(folder, "*.base.rdb").write_bytes(b"REDIS9999" + b"x" * 100)


def spoil_commands(folder: Path) -> None:
    path = find(folder, "*.incr.aof")
    path.write_bytes(b"foreign bytes\r\n" + path.read_bytes())


DAMAGES = (truncate_manifest, zero_manifest, remove_base, spoil_base, spoil_commands)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    loaded = Stack.load(Settings.trial(tmp_path_factory.mktemp("redis") / "home"))
    try:
        yield loaded
    finally:
        loaded.stop()


def write_key(stack: Stack) -> None:
    with connect_redis(stack.endpoints, "feast") as client:
        client.set("kept", "yes")


def read_key(stack: Stack) -> str | None:
    with connect_redis(stack.endpoints, "feast") as client:
        value = client.get("kept")
        return value if isinstance(value, str) else None


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_data_are_set_aside_and_redis_starts_empty(stack: Stack, damage: Callable[[Path], None]) -> None:
    stack.start(["redis"])
    write_key(stack)
    stack.stop()
    folder = stack.settings.layout.data / "redis"
    damage(folder)
    stack.start(["redis"])
    assert read_key(stack) is None
    write_key(stack)
    (aside,) = folder.parent.glob("redis.damaged-*")  # one is kept, not one for each damage
    assert (aside / "appendonlydir").is_dir()


def test_whole_data_are_kept(stack: Stack) -> None:
    stack.start(["redis"])
    write_key(stack)
    stack.stop()
    for aside in (stack.settings.layout.data).glob("redis.damaged-*"):
        shutil.rmtree(aside)
    stack.start(["redis"])
    assert read_key(stack) == "yes"
    assert list(stack.settings.layout.data.glob("redis.damaged-*")) == []


def test_data_are_kept_when_the_server_does_not_start_without_them_either(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = stack.settings.layout.data / "redis"
    (folder / "appendonlydir").mkdir(parents=True, exist_ok=True)
    assert valkey.set_damaged_data_aside(Path("/bin/false"), folder) == ""
    assert (folder / "appendonlydir").is_dir()


def test_the_api_starts_without_any_store(stack: Stack) -> None:
    stack.stop()
    stack.start(["api"])
    check_url(f"{stack.endpoints.api.url}/livez")
    states = stack.states()
    assert {name for name, state in states.items() if state == "RUNNING"} == {"api"}


def test_a_store_that_fails_holds_up_only_those_that_need_it(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise StackError("the store cannot be prepared")

    object.__setattr__(stack.services["s3"], "prepare", fail)
    with pytest.raises(StackError, match=r"the store cannot be prepared\nmlflow was not started: it needs a service that failed"):
        stack.start(["s3", "mlflow", "api", "redis"])
    assert {stack.state(name) for name in ("api", "redis")} == {"RUNNING"}


@pytest.mark.parametrize("damage", [None, *DAMAGES])
def test_the_container_s_script_sets_damaged_data_aside(
    tmp_path: Path, stack: Stack, damage: Callable[[Path], None] | None
) -> None:
    """The script of infra/compose with the binary of the embedded stack, in folders of the test's own."""
    stack.stop()
    binary = stack.services["redis"].argv[0]
    data = tmp_path / "data"
    data.mkdir()
    (tmp_path / "tmp").mkdir()
    (tmp_path / "valkey-server").symlink_to(binary)
    script = (REPOSITORY / "infra" / "compose" / "redis.sh").read_text()
    script = re.sub(r"/(data|tmp)\b", rf"{tmp_path}/\1", script).replace("6379", str(stack.settings.redis_port))
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "REDIS_USERS": "user default off", "REDIS_MAXMEMORY": "64mb"}

    def run(seconds: int) -> tuple[int, str]:
        with subprocess.Popen(["/bin/sh", "-c", script], env=environment, stdout=subprocess.PIPE, text=True) as shell:
            try:
                shell.wait(seconds)
            except subprocess.TimeoutExpired:
                shell.terminate()
            output = shell.communicate()[0]
            return shell.returncode, output

    code, output = run(2)
    assert (code, "set aside" in output) == (0, False)
    if damage:
        damage(data)
        code, output = run(6)
        assert (code, "set aside" in output) == (0, True)
        assert (data / "damaged" / "appendonlydir").is_dir()
    assert (data / "appendonlydir").is_dir()
