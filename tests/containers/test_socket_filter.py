"""What the scheduler can not do to the engine, however it asks: the real filter before the real engine."""

import json

import pytest

from tests.containers.platform import ContainerPlatform

pytestmark = pytest.mark.containers

ASK = """
import json, sys
from docker import APIClient
from docker.errors import APIError
client = APIClient(base_url="tcp://docker-filter:2375")
method, path, body = json.load(sys.stdin)
answer = client.request(method, f"{client.base_url}/v1.41/{path}", json=body)
json.dump([answer.status_code, answer.text], sys.stdout)
"""
HARDENED = {
    "ReadonlyRootfs": True,
    "CapDrop": ["ALL"],
    "SecurityOpt": ["no-new-privileges"],
    "PidsLimit": 512,
    "Memory": 2**28,
    "MemorySwap": 2**28,
    "Init": True,
    "Tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,size=256m"},  # noqa: S108  # the container's
}


def ask(platform: ContainerPlatform, method: str, path: str, body: object = None) -> tuple[int, str]:
    """One request to the engine by the way the scheduler has; the status and text of the answer."""
    scheduler = platform.service("airflow-scheduler")
    program = ASK.replace("json.load(sys.stdin)", f"json.loads({json.dumps(json.dumps([method, path, body]))})")
    code, output = scheduler.exec_run(["python", "-c", program])
    assert code == 0, output
    assert isinstance(output, bytes)
    status, text = json.loads(output)
    return status, text


def body_of(platform: ContainerPlatform, host: dict[str, object], **changed: object) -> dict[str, object]:
    project = platform.containers.project
    labels = {"marquee.task": "x", "marquee.platform": project, "marquee.dag": "x", "marquee.run": "x", "marquee.try": "1"}
    return {
        "Image": "marquee/tasks:test",
        "Cmd": ["python", "-m", "tasks.build_features", "--day", "2026-11-23"],
        "Labels": labels,
        "HostConfig": {**HARDENED, "NetworkMode": f"{project}_tasks", **host},
        **changed,
    }


def test_a_task_s_container_may_be_made(containers_platform: ContainerPlatform) -> None:
    status, text = ask(containers_platform, "POST", "containers/create", body_of(containers_platform, {}))
    assert status == 201, text
    status, text = ask(containers_platform, "DELETE", f"containers/{json.loads(text)['Id']}?force=1")
    assert status == 204, text


@pytest.mark.parametrize(
    ("host", "changed"),
    [
        ({"Binds": ["/:/host"]}, {}),
        ({"Mounts": [{"Type": "bind", "Source": "/", "Target": "/host"}]}, {}),
        ({"Privileged": True}, {}),
        ({"privileged": True}, {}),
        ({"NetworkMode": "host"}, {}),
        ({"PidMode": "host"}, {}),
        ({"CapAdd": ["SYS_ADMIN"]}, {}),
        ({"CapDrop": []}, {}),
        ({"ReadonlyRootfs": False}, {}),
        ({}, {"Image": "postgres:18.6"}),
        ({}, {"User": "0"}),
        ({}, {"Entrypoint": ["sh"]}),
        ({}, {"Cmd": ["sh", "-c", "id"]}),
    ],
    ids=str,
)
def test_any_other_container_is_refused(
    containers_platform: ContainerPlatform, host: dict[str, object], changed: dict[str, object]
) -> None:
    before = {each.id for each in containers_platform.task_containers()}
    status, text = ask(containers_platform, "POST", "containers/create", body_of(containers_platform, host, **changed))
    assert status == 403, text
    assert {each.id for each in containers_platform.task_containers()} <= before


def test_what_is_no_task_s_container_cannot_be_touched(containers_platform: ContainerPlatform) -> None:
    postgres = containers_platform.service("postgres").id
    for method, path in [
        ("POST", f"containers/{postgres}/exec"),
        ("POST", f"containers/{postgres}/stop"),
        ("POST", f"containers/{postgres}/kill"),
        ("DELETE", f"containers/{postgres}?force=1"),
        ("GET", f"containers/{postgres}/json"),
        ("GET", f"containers/{postgres}/logs?stdout=1"),
        ("GET", "images/postgres:18.6/json"),
        ("POST", "images/create?fromImage=x"),
        ("POST", "build"),
        ("GET", "secrets"),
        ("GET", "info"),
        ("GET", "volumes"),
        ("POST", "networks/create"),
    ]:
        status, text = ask(containers_platform, method, path)
        assert status in {403, 404}, (method, path, text)
    assert containers_platform.service("postgres").status == "running"


def test_a_list_shows_no_other_containers(containers_platform: ContainerPlatform) -> None:
    status, text = ask(containers_platform, "GET", "containers/json?all=1")
    assert status == 200, text
    assert {each["Labels"].get("marquee.platform") for each in json.loads(text)} <= {containers_platform.containers.project}
    assert not [each for each in json.loads(text) if "com.docker.compose.project" in each["Labels"]]


def test_airflow_has_no_other_way_to_the_engine(containers_platform: ContainerPlatform) -> None:
    for name, row in containers_platform.containers.inspect().items():
        mounts = containers_platform.engine.api.inspect_container(row["ID"])["Mounts"]
        assert any("docker.sock" in mount["Source"] for mount in mounts) == (name == "docker-filter"), name
    networks = {
        name: set(containers_platform.service(name).attrs["NetworkSettings"]["Networks"])
        for name in containers_platform.containers.names()
    }
    engine = f"{containers_platform.containers.project}_engine"
    assert {name for name, joined in networks.items() if engine in joined} == {"docker-filter", "airflow-scheduler"}
