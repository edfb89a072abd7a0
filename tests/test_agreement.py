"""Tests that two places agree: locks and requirements, the settings and their example, README and the ports."""

import re
import tomllib
from pathlib import Path

import pytest

from infra.platform.endpoints import local_endpoints
from infra.platform.environment import local_variables
from infra.platform.secrets import Secrets
from infra.platform.settings import PASSED_ON
from infra.platform.settings import Settings as StackSettings
from serving.settings import Settings as ServingSettings
from tasks.settings import Settings as TaskSettings
from tests.compose_services import read_services

ROOT = Path(__file__).resolve().parents[1]
LOCKS = sorted((ROOT / "infra" / "locks").glob("*.txt"))
CARD = (
    "apache-airflow", "apache-airflow-providers-docker", "feast", "mlflow", "scikit-learn", "pandas", "pyarrow", "sqlalchemy",
    "psycopg2-binary", "requests", "fastapi", "uvicorn",
)  # fmt: skip


def read_pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+) \\$", lock.read_text(), re.MULTILINE))


def read_hashes(lock: Path) -> dict[str, list[str]]:
    blocks = re.split(r"^(?=[a-z0-9._-]+==)", lock.read_text(), flags=re.MULTILINE)[1:]
    return {block.split("==")[0]: re.findall(r"--hash=sha256:[0-9a-f]{64}", block) for block in blocks}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_package_has_one_version_everywhere(lock: Path) -> None:
    everywhere, here = read_pins(ROOT / "requirements.txt"), read_pins(lock)
    assert here
    assert {name: everywhere.get(name) for name in here} == here


@pytest.mark.parametrize("lock", [*LOCKS, ROOT / "requirements.txt"], ids=lambda lock: lock.stem)
def test_every_pin_has_hashes(lock: Path) -> None:
    assert all(read_hashes(lock).values())


def test_requirements_hold_the_platform_s_packages() -> None:
    assert set(CARD) <= set(read_pins(ROOT / "requirements.txt"))


def test_every_environment_has_a_lock_and_every_lock_a_group() -> None:
    groups = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"])
    assert {lock.stem for lock in LOCKS} == groups - {"dev"}


def read_by_dags() -> set[str]:
    """The variables that the DAG files name; those that they hand on to the tasks are the tasks' own."""
    code = "\n".join(path.read_text() for path in (ROOT / "dags").rglob("*.py"))
    return set(re.findall(r"""(?:setting\(|environ\.get\(|environ\[)"([A-Z_]+)\"""", code))


def read_interpolated() -> dict[str, set[str]]:
    """The variables that docker-compose.yml and its parts ask for, each with the defaults written there."""
    asked: dict[str, set[str]] = {}
    for path in (ROOT / "docker-compose.yml", *(ROOT / "infra" / "compose").glob("*.yml")):
        for name, default in re.findall(r"\$\{([A-Z][A-Z0-9_]+)(?::[-+]([^}]*))?\}", re.sub(r"(?m)#.*$", "", path.read_text())):
            asked.setdefault(name, set()).add("" if default.startswith(("@$", ",$")) else default)
    return asked


def test_the_example_lists_every_setting_once_and_no_other() -> None:
    listed = re.findall(r"^#?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    read = {name.upper() for settings in (StackSettings, TaskSettings, ServingSettings) for name in settings.model_fields}
    assert sorted(listed) == sorted(read | read_by_dags() | set(read_interpolated()) | {"COMPOSE_PROFILES"})


def test_the_example_shows_the_defaults_of_compose() -> None:
    shown = dict(re.findall(r"^#?([A-Z][A-Z0-9_]+)=(\S*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert {name: {shown[name]} for name in read_interpolated()} == read_interpolated()


def test_compose_publishes_the_ports_of_the_embedded_stack_on_loopback() -> None:
    published = {}
    for service, body in read_services().items():
        for port in body.get("ports", []):
            address, name, default = re.fullmatch(r"(\S+):\$\{([A-Z0-9_]+):-(\d+)\}:(?:\d+|\$\{\2:-\3\})", port).groups()  # type: ignore[union-attr]
            assert address in {"127.0.0.1", "${BIND_ADDRESS:-127.0.0.1}", "${BIND_STORES:-127.0.0.1}"}, service
            published[name] = int(default)
    ports = {name.upper(): field.default for name, field in StackSettings.model_fields.items() if name.endswith("_port")}
    assert published.pop("WORKER_LOG_PORT") == 8793  # Airflow's own, of a host that runs nothing else
    assert published == {name: port for name, port in ports.items() if name != "FEAST_UI_PORT"}


def test_no_service_of_compose_is_left_open() -> None:
    for service, body in read_services().items():
        assert body["read_only"] is True, service
        assert body["cap_drop"] == ["ALL"], service
        assert body["security_opt"] == ["no-new-privileges:true"], service
        assert {"mem_limit", "pids_limit", "restart", "networks"} <= set(body), service
        assert not {"privileged", "cap_add", "network_mode", "pid", "ipc"} & set(body), service
        sockets = [volume for volume in body.get("volumes", []) if "docker.sock" in volume]
        assert bool(sockets) == (service == "docker-filter"), service


def test_the_example_shows_the_defaults() -> None:
    shown = dict(re.findall(r"^#?([A-Z][A-Z0-9_]+)=(\S+)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    defaults: dict[str, set[str]] = {}  # none of them where every reader's default is None
    for settings in (StackSettings, TaskSettings, ServingSettings):
        for name, field in settings.model_fields.items():
            if not field.is_required() and name != "marquee_home":
                default = f"{field.default:g}" if isinstance(field.default, float) else str(field.default)
                said = {default.lower() if isinstance(field.default, bool) else default} - {"None"}
                defaults[name.upper()] = defaults.get(name.upper(), set()) | said
    assert {name: {shown[name]} for name in defaults if name in shown} == {n: defaults[n] for n in defaults if n in shown}


def test_every_setting_of_the_tasks_and_the_api_reaches_them(tmp_path: Path) -> None:
    """Made by the stack, or passed on from the user; but for what names a try, and a file that is there once there are keys."""
    settings = StackSettings(_env_file=None, marquee_home=tmp_path)
    settings.layout.make()
    for name, read in (("tasks", TaskSettings), ("serving", ServingSettings)):
        made = local_variables(name, settings, local_endpoints(settings, Secrets(settings.layout.secrets)))
        wanted = {field.upper() for field in read.model_fields} - {"TASK_ATTEMPT", "TASK_IMAGE", "API_KEYS_FILE"}
        assert {each for each in wanted if each not in made and not each.startswith(PASSED_ON)} == set()


def test_the_readme_names_every_port_with_its_default() -> None:
    readme = (ROOT / "README.md").read_text()
    for name, field in StackSettings.model_fields.items():
        if name.endswith("_port"):
            assert f"`{name.upper()}`" in readme
            assert f"`{field.default}`" in readme
