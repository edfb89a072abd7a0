"""The calls of the runner and of the sweeper go through, rewritten; any other is rejected."""

import json
from typing import Any
from urllib.parse import parse_qs, quote

import pytest

from infra.docker_filter.policy.calls import Call, decide
from infra.docker_filter.policy.errors import Rejection
from infra.docker_filter.policy.task_container import rebuild_create
from tests.infra.docker_filter.bodies import SENT, SETTINGS

ID = "0123456789ab" + "c" * 52
GOOD = json.dumps(SENT).encode()


def ask(method: str, target: str, body: bytes = b"") -> Call:
    return decide(method, target, body, SETTINGS)


@pytest.mark.parametrize(
    ("method", "target", "sent"),
    [
        ("GET", "/_ping", "/_ping"),
        ("HEAD", "/v1.41/_ping", "/v1.41/_ping"),
        ("GET", "/version", "/version"),
        ("GET", f"/v1.41/containers/{ID}/json", f"/v1.41/containers/{ID}/json"),
        ("GET", f"/containers/{ID[:12]}/json", f"/containers/{ID}/json"),
        (
            "GET",
            f"/v1.41/containers/{ID}/logs?stderr=1&stdout=1&timestamps=0&follow=0&tail=10",
            f"/v1.41/containers/{ID}/logs?stderr=1&stdout=1&timestamps=0&follow=0&tail=10",
        ),
        ("POST", f"/v1.41/containers/{ID}/start", f"/v1.41/containers/{ID}/start"),
        ("POST", f"/v1.41/containers/{ID}/stop?t=3", f"/v1.41/containers/{ID}/stop?t=3"),
        ("POST", f"/v1.41/containers/{ID}/kill?signal=SIGTERM", f"/v1.41/containers/{ID}/kill?signal=SIGTERM"),
        ("POST", f"/v1.41/containers/{ID}/wait?condition=removed", f"/v1.41/containers/{ID}/wait?condition=removed"),
        (
            "POST",
            f"/v1.41/containers/{ID}/attach?logs=0&stdout=1&stderr=1&stream=1",
            f"/v1.41/containers/{ID}/attach?logs=0&stdout=1&stderr=1&stream=1",
        ),
        (
            "DELETE",
            f"/v1.41/containers/{ID}?v=False&link=False&force=True",
            f"/v1.41/containers/{ID}?v=False&link=False&force=True",
        ),
    ],
)
def test_what_docker_py_calls_is_passed_on(method: str, target: str, sent: str) -> None:
    call = ask(method, target)
    assert (call.method, call.target(ID)) == (method, sent)
    assert (call.container is not None) == ("/containers/" in target)
    assert call.upgrade == ("/attach" in target)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/info"),
        ("GET", "/events"),
        ("GET", "/images/marquee/json"),
        ("POST", "/images/create?fromImage=x"),
        ("POST", "/build"),
        ("POST", "/commit"),
        ("GET", "/volumes"),
        ("POST", "/volumes/create"),
        ("GET", "/networks"),
        ("POST", "/networks/create"),
        ("POST", "/auth"),
        ("POST", "/session"),
        ("GET", "/secrets"),
        ("POST", "/swarm/init"),
        ("POST", "/plugins/pull"),
        ("POST", "/containers/prune"),
        ("POST", f"/containers/{ID}/exec"),
        ("POST", f"/exec/{ID}/start"),
        ("GET", f"/containers/{ID}/archive?path=/"),
        ("PUT", f"/containers/{ID}/archive?path=/"),
        ("GET", f"/containers/{ID}/export"),
        ("GET", f"/containers/{ID}/top"),
        ("GET", f"/containers/{ID}/stats"),
        ("POST", f"/containers/{ID}/update"),
        ("POST", f"/containers/{ID}/rename?name=x"),
        ("POST", f"/containers/{ID}/restart"),
        ("GET", f"/containers/{ID}/attach/ws"),
        ("GET", f"/containers/{ID}"),
        ("PUT", f"/containers/{ID}/start"),
        ("get", "/_ping"),
        ("CONNECT", "/_ping"),
        ("POST", "/_ping"),
        ("GET", f"/containers/{ID[:11]}/json"),
        ("GET", f"/containers/{ID}a/json"),
        ("GET", f"/containers/{ID.upper()}/json"),
        ("GET", "/containers/postgres/json"),
        ("GET", "/containers/{id}/json"),
        ("GET", "/v1.39/_ping"),
        ("GET", "/v1.141/_ping"),
        ("GET", "/v2.41/_ping"),
        ("GET", "/v1.41"),
        ("GET", "/v1.41/v1.41/_ping"),
        ("GET", "//_ping"),
        ("GET", "/./_ping"),
        ("GET", "/x/../_ping"),
        ("GET", "/_ping/"),
        ("GET", "/%5Fping"),
        ("GET", "/_ping%0a"),
        ("GET", "/_ping;x"),
        ("GET", "/_ping#x"),
        ("GET", "/_ping\n"),
        ("GET", f"/containers/{ID}/json/../../../info"),
        ("GET", f"/containers/{ID}%2fjson"),
        ("GET", "http://docker/_ping"),
        ("GET", "docker:80"),
        ("OPTIONS", "*"),
        ("GET", "/_ping?x=1"),
        ("GET", "/_ping?x"),
        ("GET", "/_ping?%ff=1"),
        ("POST", "/containers/create?name=postgres"),
        ("POST", "/containers/create?platform=linux/amd64"),
        ("GET", f"/containers/{ID}/json?size=1"),
        ("POST", f"/containers/{ID}/start?detachKeys=a"),
        ("POST", f"/containers/{ID}/start?checkpoint=a"),
        ("POST", f"/containers/{ID}/stop?t=-1"),
        ("POST", f"/containers/{ID}/stop?t=1&t=2"),
        ("POST", f"/containers/{ID}/kill?signal=1%0d%0a"),
        ("POST", f"/containers/{ID}/attach?stdin=1"),
        ("DELETE", f"/containers/{ID}?link=1"),
        ("DELETE", f"/containers/{ID}?force=maybe"),
        ("GET", "/containers/json?size=1"),
        ("GET", "/containers/json?limit=1"),
        ("GET", "/containers/json?before=x"),
        ("GET", "/images/json?digests=1"),
    ],
)
def test_any_other_call_is_rejected(method: str, target: str) -> None:
    with pytest.raises(Rejection):
        ask(method, target, GOOD if target.startswith("/containers/create") else b"")


def test_only_create_has_a_body() -> None:
    with pytest.raises(Rejection, match="this call has no body"):
        ask("POST", f"/v1.41/containers/{ID}/start", GOOD)


def test_create_carries_the_rebuilt_body() -> None:
    call = ask("POST", "/v1.41/containers/create", GOOD)
    assert (call.method, call.target(""), call.container) == ("POST", "/v1.41/containers/create", None)
    assert call.creates == rebuild_create(GOOD, SETTINGS)
    assert call.creates is not None
    assert call.body == call.creates.body


def listed(target: str) -> Any:
    _, _, query = ask("GET", target).target("").partition("?")
    return json.loads(parse_qs(query)["filters"][0])


PLATFORM_LABELS = ["marquee.task", "marquee.platform=marquee"]


@pytest.mark.parametrize(
    ("given", "forced"),
    [
        (None, {"label": PLATFORM_LABELS}),
        ({}, {"label": PLATFORM_LABELS}),
        ({"label": ["marquee.run=a b"]}, {"label": ["marquee.run=a b", *PLATFORM_LABELS]}),
        ({"label": ["marquee.platform=other"]}, {"label": ["marquee.platform=other", *PLATFORM_LABELS]}),
        ({"label": ["marquee.try"], "status": ["exited"]}, {"label": ["marquee.try", *PLATFORM_LABELS], "status": ["exited"]}),
    ],
)
def test_only_our_containers_are_listed(given: Any, forced: Any) -> None:
    query = "" if given is None else f"&filters={quote(json.dumps(given))}"
    assert listed(f"/v1.41/containers/json?limit=-1&all=1&size=0&trunc_cmd=0{query}") == forced


@pytest.mark.parametrize("given", [None, {}, {"reference": ["marquee/tasks:1"]}])
def test_only_our_image_is_listed(given: Any) -> None:
    query = "" if given is None else f"&filters={quote(json.dumps(given))}"
    assert listed(f"/v1.41/images/json?only_ids=0&all=0{query}") == {"reference": ["marquee/tasks:1"]}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("images", '{"reference": ["python"]}'),
        ("images", '{"reference": ["marquee/tasks:1", "*"]}'),
        ("images", '{"dangling": ["true"]}'),
        ("containers", '{"name": ["x"]}'),
        ("containers", '{"label": ["com.docker.compose.project=x"]}'),
        ("containers", '{"label": {"marquee.task": true}}'),
        ("containers", '{"label": "marquee.task"}'),
        ("containers", '{"status": ["any"]}'),
        ("containers", '{"label": [], "label": []}'),
        ("containers", "[]"),
        ("containers", "{"),
        ("containers", ""),
    ],
)
def test_other_filters_are_rejected(kind: str, text: str) -> None:
    with pytest.raises(Rejection):
        ask("GET", f"/{kind}/json?filters={quote(text)}")
