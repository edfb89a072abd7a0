"""For any JSON, either it is rejected or the engine gets a hardened task of this platform."""

import copy
import json
import re
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from dags.runners.environment import TASK_VARIABLE_PREFIXES
from infra.docker_filter.policy.errors import Rejection
from infra.docker_filter.policy.task_container import rebuild_create
from tests.infra.docker_filter.bodies import PASSED_ON, SENT, SETTINGS, TMP

COMMAND = SENT["Cmd"]
OPTIONS = ["rw", "noexec", "nosuid", "nodev", "size=64m"]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3))
KEYS = sorted({*SENT, *SENT["HostConfig"], *SENT["Labels"], "Binds", "Privileged", "CapAdd", "PidMode", "User", "Entrypoint"})
SPELLINGS = st.sampled_from(KEYS).flatmap(lambda key: st.sampled_from([key, key.lower(), key.upper(), key.swapcase()]))
ALLOWED_NAMES = "TASK_ATTEMPT|TASK_IMAGE|(" + "|".join(TASK_VARIABLE_PREFIXES) + ")[A-Za-z0-9_]*"
TEXTS = ["ALL", "host", "/:/host", "python", "no-new-privileges", "A=b", "AWS_A=b", "1"]
PLAIN: list[Any] = [True, False, None, [], {}, 0, 1, 0.0, 1.0, 1024, 2147483648]
VALUES: st.SearchStrategy[Any] = JSON | st.sampled_from([*PLAIN, *TEXTS, *([text] for text in TEXTS)])
VARIABLES = st.from_regex(r"(AWS_|TMDB_|[A-Za-z_])[A-Z0-9_]{0,12}=.*") | st.text(max_size=8)
ANYTHING = st.tuples(st.sampled_from(["", "HostConfig", "Labels"]), SPELLINGS | st.text(max_size=8), VALUES)
PLAUSIBLE = st.one_of(
    st.tuples(st.just("HostConfig"), st.just("PidsLimit"), st.integers(-1, 1100)),
    st.tuples(st.just("HostConfig"), st.just("CpuShares"), st.integers(0, 1 << 19)),
    st.tuples(
        st.just("HostConfig"), st.sampled_from(["Privileged", "AutoRemove", "Init", "ReadonlyRootfs"]), st.booleans() | SCALARS
    ),
    st.tuples(st.just("HostConfig"), st.sampled_from(["Mounts", "Binds", "PortBindings", "Ulimits"]), st.sampled_from(PLAIN)),
    st.tuples(st.just("HostConfig"), st.just("Tmpfs"), st.fixed_dictionaries({TMP: st.permutations(OPTIONS).map(",".join)})),
    st.tuples(st.just(""), st.just("Env"), st.lists(VARIABLES, max_size=3)),
    st.tuples(st.just(""), st.just("Cmd"), st.permutations(COMMAND) | st.just(COMMAND[:3])),
    st.tuples(st.just(""), st.sampled_from(["User", "Entrypoint", "Volumes", "WorkingDir"]), st.sampled_from(PLAIN)),
    st.tuples(st.just("Labels"), st.sampled_from(["marquee.run", "marquee.dag", "marquee.try"]), st.text(max_size=8)),
)
"""Changes, many of which are allowed."""
CHANGES = st.lists(PLAUSIBLE, max_size=3) | st.lists(PLAUSIBLE | ANYTHING, min_size=1, max_size=2)


def check_hardened(built: dict[str, Any]) -> None:
    """Compare with the allowed shape, written independently here: exact keys, and for each the values it may have."""
    host, labels = built["HostConfig"], built["Labels"]
    assert built.keys() == PASSED_ON.keys()
    assert host.keys() == PASSED_ON["HostConfig"].keys()
    assert labels.keys() == PASSED_ON["Labels"].keys()
    varied = {"Cmd", "Env", "HostConfig", "Labels", "AttachStdout", "AttachStderr", "StopTimeout"}
    assert {key: built[key] for key in built.keys() - varied} == {key: PASSED_ON[key] for key in built.keys() - varied}
    fixed = ("NetworkMode", "ReadonlyRootfs", "CapDrop", "Init", "Privileged", "AutoRemove")
    assert all(json.dumps(host[name]) == json.dumps(PASSED_ON["HostConfig"][name]) for name in fixed)
    assert re.fullmatch(r"python -m tasks\.[a-z][a-z_]*( --day [0-9]{4}-[0-9]{2}-[0-9]{2})?", " ".join(built["Cmd"]))
    assert all(re.match(rf"({ALLOWED_NAMES})=", variable) for variable in built["Env"])
    assert host["SecurityOpt"] in (["no-new-privileges"], ["no-new-privileges:true"])
    assert host["Tmpfs"].keys() == {TMP}
    assert {"noexec", "nosuid", "nodev"} < set(host["Tmpfs"][TMP].split(","))
    assert all(type(host[name]) is int for name in ("Memory", "MemorySwap", "PidsLimit", "CpuShares"))
    assert 0 < host["Memory"] == host["MemorySwap"] <= SETTINGS.task_memory_max
    assert 1 <= host["PidsLimit"] <= 1024
    assert host["LogConfig"] == PASSED_ON["HostConfig"]["LogConfig"]
    assert labels["marquee.memory"] == str(host["Memory"])
    assert labels["marquee.platform"] == SETTINGS.marquee_platform


@given(JSON)
@example(SENT)
def test_any_json(value: Any) -> None:
    rejected_or_hardened(json.dumps(value).encode())


@settings(max_examples=1000)
@given(CHANGES)
@example([])
def test_any_change_of_a_good_body(changes: list[tuple[str, str, Any]]) -> None:
    body = copy.deepcopy(SENT)
    for part, key, value in changes:
        inner = body.get(part, body)
        if isinstance(inner, dict):
            inner[key] = copy.deepcopy(value)
    rejected_or_hardened(json.dumps(body).encode())


@given(st.binary(max_size=200))
def test_any_bytes(body: bytes) -> None:
    rejected_or_hardened(body)


def rejected_or_hardened(body: bytes) -> None:
    try:
        built = rebuild_create(body, SETTINGS).body
    except Rejection:
        return
    check_hardened(json.loads(built))
