"""Tests that a platform in containers is found by its running containers and labelled volumes; others' are never changed."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.cli import output
from infra.cli.commands import platform  # noqa: F401  # adds its commands to the app
from infra.cli.commands.app import app
from infra.compose import containers as module
from infra.compose.containers import ID_LABEL, Containers
from infra.compose.interpolation import platform_id
from infra.local.stack import Stack
from infra.local.supervision.supervisor import Supervisor
from infra.platform.errors import StackError
from infra.platform.layout import REPOSITORY
from infra.platform.settings import Settings


class Engine:
    """Stands in for the Docker client: containers of one working folder, volumes with their labels."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder: Path | None = None
        self.volumes: dict[str, str | None] = {}
        self.calls: list[tuple[str, ...]] = []
        monkeypatch.setattr(module, "docker", self.answer)
        monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")

    def answer(self, *words: str) -> str:
        self.calls.append(words)
        if words[0] == "ps":
            return f"{self.folder}\n" if self.folder else ""
        if words[:2] == ("volume", "ls"):
            return "\n".join(self.volumes)
        assert words[:2] == ("volume", "inspect")
        labels = {name: {ID_LABEL: label} if label else None for name, label in self.volumes.items()}
        return json.dumps([{"Name": name, "Labels": labels[name]} for name in words[2:]])


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(monkeypatch)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    made = Settings(_env_file=None, marquee_home=tmp_path)
    monkeypatch.setattr(Settings, "read", lambda: made)
    return made


def write_env_file(containers: Containers) -> None:
    folder = containers.settings.layout.home / "compose"
    folder.mkdir()
    for name in ("postgres", "airflow"):
        (folder / f"{name}.env").touch()


@pytest.mark.parametrize(
    ("folder", "prepared", "expected"),
    [(REPOSITORY, True, Containers), (REPOSITORY, False, Stack), (Path("/another/clone"), True, Stack), (None, True, Stack)],
)
def test_the_form_is_found_from_what_runs(
    settings: Settings, engine: Engine, folder: Path | None, prepared: bool, expected: type
) -> None:
    engine.folder = folder
    if prepared:
        write_env_file(Containers.load(settings))
    assert isinstance(output.load_platform(), expected)


def test_a_supervisor_that_answers_is_the_embedded_stack(
    settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.folder = REPOSITORY
    write_env_file(Containers.load(settings))
    monkeypatch.setattr(Supervisor, "pid", lambda self: 4242)
    assert isinstance(output.load_platform(), Stack)


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ((), "make up"),
        (("postgres", "airflow"), "make up ARGS=--docker"),
        (("airflow", "tasks"), "docker compose --profile worker up --detach"),
    ],
)
def test_down_names_what_starts_the_same_form_again(
    settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch, files: tuple[str, ...], command: str
) -> None:
    if files:
        engine.folder = REPOSITORY
        (settings.layout.home / "compose").mkdir()
    for name in files:
        (settings.layout.home / "compose" / f"{name}.env").touch()
    stopped = []

    def stop(form: Stack | Containers) -> None:
        stopped.append(form)

    for form in (Stack, Containers):
        monkeypatch.setattr(form, "stop", stop)
    down = CliRunner().invoke(app, ["down"])
    assert (down.exit_code, len(stopped)) == (0, 1), down.output
    assert f"Everything is stopped; the data are kept. `{command}` starts again." in down.stdout


def test_processes_are_not_started_beside_containers(settings: Settings, engine: Engine) -> None:
    engine.folder = REPOSITORY
    write_env_file(Containers.load(settings))
    with pytest.raises(StackError, match="make up ARGS=--docker"):
        output.refuse_containers(settings)


def test_own_volumes_and_missing_volumes_are_accepted(settings: Settings, engine: Engine) -> None:
    containers = Containers.load(settings)
    containers.check_volumes()
    engine.volumes = {"marquee_postgres": platform_id(containers.secrets)}
    containers.check_volumes()


@pytest.mark.parametrize("label", ["0123456789abcdef", None])
def test_volumes_of_another_platform_are_named_and_never_removed(settings: Settings, engine: Engine, label: str | None) -> None:
    containers = Containers.load(settings)
    engine.volumes = {"marquee_postgres": label, "marquee_redis": platform_id(containers.secrets)}
    for change in (containers.check_volumes, containers.remove):
        with pytest.raises(StackError, match=r"volumes marquee_postgres belong to another platform.*COMPOSE_PROJECT_NAME"):
            change()
    assert not [call for call in engine.calls if "rm" in call]


def test_volumes_with_other_secrets_are_foreign(settings: Settings, engine: Engine) -> None:
    containers = Containers.load(settings)
    engine.volumes = {"marquee_postgres": platform_id(containers.secrets)}
    (containers.secrets.folder / "postgres_postgres").unlink()
    with pytest.raises(StackError, match="or their secrets are gone"):
        containers.check_volumes()


def test_volumes_of_an_earlier_release_of_this_home_are_its_own(settings: Settings, engine: Engine) -> None:
    containers = Containers.load(settings)
    write_env_file(containers)
    engine.volumes = {"marquee_postgres": None}
    containers.check_volumes()
