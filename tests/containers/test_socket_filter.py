"""Tests the real filter in front of a real engine: the scheduler cannot do more than its tasks need."""

import json

import pytest

from tests.containers.platform import ContainerPlatform

pytestmark = pytest.mark.containers

ASK = """
import json, sys
from docker import APIClient
from docker.errors import APIError
client = APIClient(base_url="tcp://docker-filter:2375")
answers = [client.request(method, f"{client.base_url}/v1.41/{path}", json=body) for method, path, body in json.load(sys.stdin)]
json.dump([[answer.status_code, answer.text] for answer in answers], sys.stdout)
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
    (answer,) = ask_all(platform, [(method, path, body)])
    return answer


def ask_all(platform: ContainerPlatform, requests: list[tuple[str, str, object]]) -> list[tuple[int, str]]:
    """The same for several requests, one after the other, by one program: its start takes most of the time."""
    scheduler = platform.service("airflow-scheduler")
    program = ASK.replace("json.load(sys.stdin)", f"json.loads({json.dumps(json.dumps(requests))})")
    code, output = scheduler.exec_run(["python", "-c", program])
    assert code == 0, output
    assert isinstance(output, bytes)
    return [(status, text) for status, text in json.loads(output)]


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


OTHERS: list[tuple[dict[str, object], dict[str, object]]] = [
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
]
"""The differences from a task's container: (in its HostConfig, in the rest)."""


def test_any_other_container_is_refused(containers_platform: ContainerPlatform) -> None:
    bodies = [body_of(containers_platform, host, **changed) for host, changed in OTHERS]
    answers = ask_all(containers_platform, [("POST", "containers/create", body) for body in bodies])
    assert [(other, text) for other, (status, text) in zip(OTHERS, answers, strict=True) if status != 403] == []
    assert [made for made in containers_platform.task_containers() if made.labels["marquee.dag"] == "x"] == []


def test_other_containers_cannot_be_changed(containers_platform: ContainerPlatform) -> None:
    postgres = containers_platform.service("postgres").id
    requests: list[tuple[str, str, object]] = [
        ("POST", f"containers/{postgres}/exec", None),
        ("POST", f"containers/{postgres}/stop", None),
        ("POST", f"containers/{postgres}/kill", None),
        ("DELETE", f"containers/{postgres}?force=1", None),
        ("GET", f"containers/{postgres}/json", None),
        ("GET", f"containers/{postgres}/logs?stdout=1", None),
        ("GET", "images/postgres:18.6/json", None),
        ("POST", "images/create?fromImage=x", None),
        ("POST", "build", None),
        ("GET", "secrets", None),
        ("GET", "info", None),
        ("GET", "volumes", None),
        ("POST", "networks/create", None),
    ]
    answers = ask_all(containers_platform, requests)
    assert [(asked, got) for asked, got in zip(requests, answers, strict=True) if got[0] not in {403, 404}] == []
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
