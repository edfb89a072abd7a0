"""A body that is not a hardened task of this platform is rejected; one that is reaches the engine rewritten."""

import json
from typing import Any

import pytest

from dags.runners.environment import TASK_VARIABLE_PREFIXES
from infra.docker_filter.policy.errors import Rejection
from infra.docker_filter.policy.settings import TASK_VARIABLES
from infra.docker_filter.policy.task_container import rebuild_create
from tests.infra.docker_filter.bodies import ABSENT, PASSED_ON, SENT, SETTINGS, TMP, changed
from tests.infra.docker_filter.rejected_bodies import GOOD, REJECTED


def create(body: bytes) -> Any:
    return json.loads(rebuild_create(body, SETTINGS).body)


def test_the_recorded_body_reaches_the_engine() -> None:
    assert create(json.dumps(SENT).encode()) == PASSED_ON


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("Cmd", ["python", "-m", "tasks.ingest_imdb"]),
        ("Cmd", ["python", "-m", "tasks.audit_skew", "--day", "2026-11-20", "--no-accept"]),
        ("Cmd", ["python", "-m", "tasks.deploy", "--day", "2026-11-20", "--part=model"]),
        ("Labels/marquee.task", "group.ingest_imdb_12"),  # a task's id need not be its verb
        ("HostConfig.SecurityOpt", ["no-new-privileges:true"]),
        ("HostConfig.Memory", 2147483648),
        ("HostConfig.PidsLimit", 1024),
        ("HostConfig.CpuShares", 512),
        ("HostConfig/Tmpfs", {TMP: "size=64m,nodev,nosuid,noexec,rw"}),
        ("HostConfig.Privileged", False),
        ("StopTimeout", 3),
        ("Env", []),
        ("Env", ["TMDB_ACCESS_TOKEN=1", "MLFLOW_=", "https_proxy=x"]),
    ],
)
def test_what_a_task_may_vary(place: str, value: Any) -> None:
    expected = json.loads(changed(place, value))
    expected["Labels"]["marquee.memory"] = "2147483648"
    built = create(changed(place, value))
    top = place.replace("/", ".").split(".")[0]
    if top == "HostConfig":
        name = place.replace("/", ".").split(".")[1]
        assert built["HostConfig"][name] == expected["HostConfig"][name]
    else:
        assert built[top] == expected[top]


@pytest.mark.parametrize("name", ["User", "Entrypoint", "WorkingDir", "Volumes", "NetworkingConfig", "HostConfig.Binds"])
@pytest.mark.parametrize("value", [None, "", [], {}])
def test_an_empty_field_is_left_out(name: str, value: Any) -> None:
    assert create(changed(name, value)) == PASSED_ON


@pytest.mark.parametrize(("place", "value"), REJECTED, ids=lambda item: json.dumps(item, default=str)[:50])
def test_anything_else_in_a_body_is_rejected(place: str, value: Any) -> None:
    with pytest.raises(Rejection) as rejection:
        create(changed(place, value))
    assert "canary" not in str(rejection.value)


HARDENING = ("Memory", "MemorySwap", "PidsLimit", "ReadonlyRootfs", "CapDrop", "SecurityOpt", "Init", "Tmpfs", "NetworkMode")


REQUIRED = ["Image", "Cmd", "Labels", "HostConfig", *(f"HostConfig.{name}" for name in HARDENING)]


@pytest.mark.parametrize(
    "place", [*REQUIRED, "HostConfig.SecurityOpt", "HostConfig.Init", "HostConfig.Tmpfs", "Image", "Cmd", "Labels"]
)
def test_no_hardening_can_be_left_out(place: str) -> None:
    with pytest.raises(Rejection, match=rf"{place}: Field required"):
        create(changed(place, ABSENT))


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({"max-size": "10m", "max-file": "2"}, {"max-size": "10m", "max-file": "2"}),
        ({"max-size": "64k", "max-file": "9"}, {"max-size": "64k", "max-file": "9"}),
        ({}, {"max-size": "10485760", "max-file": "2"}),
        ({"max-size": "10m"}, {"max-size": "10485760", "max-file": "2"}),
        ({"max-file": "2"}, {"max-size": "10485760", "max-file": "2"}),
        ({"max-size": "11m", "max-file": "2"}, {"max-size": "10485760", "max-file": "2"}),
        ({"max-size": "9999g", "max-file": "99"}, {"max-size": "10485760", "max-file": "2"}),
    ],
)
def test_the_engine_never_keeps_more_output_than_the_setting(options: dict[str, str], kept: dict[str, str]) -> None:
    built = create(changed("HostConfig.LogConfig", {"Type": None, "Config": options}))
    assert built["HostConfig"]["LogConfig"] == {"Type": "json-file", "Config": kept}


def test_a_variable_that_makes_the_command_run_other_code_is_rejected_whatever_the_setting_allows() -> None:
    settings = SETTINGS.model_copy(update={"task_variables": "LD_* PATH PYTHON* GCONV_* OPENSSL_*"})
    for name in ("LD_PRELOAD", "PATH", "PYTHONPATH", "GCONV_PATH", "OPENSSL_CONF"):
        with pytest.raises(Rejection, match="changes the code that runs"):
            rebuild_create(changed("Env", [f"{name}=x"]), settings)


def test_the_allowed_variables_are_those_that_airflow_passes_on() -> None:
    patterns = {prefix + "*" for prefix in TASK_VARIABLE_PREFIXES} | {"TASK_ATTEMPT", "TASK_IMAGE"}
    assert set(TASK_VARIABLES.split()) == patterns


def test_the_attempt_is_named_for_the_log() -> None:
    assert rebuild_create(GOOD, SETTINGS).fields == {
        "dag_id": "refresh_movies",
        "run_id": SENT["Labels"]["marquee.run"],
        "task_id": "ingest_imdb",
        "try": 1,
    }


def test_memory_stays_within_the_platforms_limit() -> None:
    body = json.loads(changed("HostConfig.Memory", SETTINGS.task_memory_max))
    body["HostConfig"]["MemorySwap"] = SETTINGS.task_memory_max
    assert create(json.dumps(body).encode())["HostConfig"]["Memory"] == SETTINGS.task_memory_max
    body["HostConfig"] |= {"Memory": SETTINGS.task_memory_max + 1, "MemorySwap": SETTINGS.task_memory_max + 1}
    with pytest.raises(Rejection, match=r"HostConfig\.Memory is 4294967297; it must not be above 4294967296"):
        create(json.dumps(body).encode())


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (GOOD + GOOD, "not JSON"),
        (b"\xef\xbb\xbf" + GOOD, "not JSON"),
        (GOOD.replace(b"2147483648", b"9" * 5000), "not JSON"),
        (b"null", "the body: Input should be a valid dictionary"),
        (b"[]", "the body: Input should be a valid dictionary"),
        (GOOD.replace(b"refresh_movies", b"\xff"), "not UTF-8"),
        (GOOD.decode().encode("utf-16"), "not UTF-8"),
        (GOOD.replace(b'"Tty": false', b'"Tty": false, "Tty": false'), "repeated"),
        (GOOD.replace(b'"Init": true', b'"Init": true, "Privileged": true, "Privileged": false'), "repeated"),
        (GOOD.replace(b'"marquee.try": "1"', b'"marquee.try": "1", "marquee.try": "2"'), "repeated"),
        (GOOD.replace(b"2147483648", b"NaN"), "NaN is not a JSON number"),
        (GOOD.replace(b"2147483648", b"-Infinity"), "-Infinity is not a JSON number"),
        (GOOD.replace(b"2147483648", b"2e9"), "HostConfig.Memory: Input should be a valid integer"),
        (GOOD.replace(b"2147483648", b"1e999"), "HostConfig.Memory: Input should be a valid integer"),
        (GOOD.replace(b"refresh_movies", b"\\ud800"), "Labels.marquee.dag: Input should be a valid string"),
        (b"[" * 60_000, "nested too deeply"),
        (b'{"a":' * 10_000, "nested too deeply"),
    ],
    ids=lambda item: repr(item[:20]),
)
def test_an_ambiguous_or_invalid_body_is_rejected(body: bytes, message: str) -> None:
    with pytest.raises(Rejection, match=message):
        create(body)
