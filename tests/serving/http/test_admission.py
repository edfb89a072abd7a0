"""Tests admission over a real socket: the load, the keys, the rate limit, pages of other origins."""

import asyncio
import hashlib
import json
import logging
import os
import time
from pathlib import Path

import httpx
import pytest

from serving.access.api_keys import ApiKeys, MalformedKeys, load_keys
from tests.serving.http.fake_service import FakeService, run

pytestmark = pytest.mark.integration

ORIGIN = "https://films.example"


def line_of(name: str, key: str) -> str:
    return f"{name}:{hashlib.sha256(key.encode()).hexdigest()}\n"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    file = tmp_path / "keys"
    file.write_text(
        "# who may ask\n\n" + line_of("ann", "key of ann") + line_of("bob", "key-of-bob") + line_of("ann", "ann's other")
    )
    return file


def client(world: FakeService) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{world.port}")


def test_requests_over_the_limit_are_rejected_at_once_but_probes_are_not() -> None:
    async def scene(world: FakeService) -> None:
        async with client(world) as one:
            at_work = [asyncio.ensure_future(one.get("/wait")) for _ in range(3)]
            await asyncio.sleep(0.2)
            for _ in range(5):
                shed = await one.get("/movies")
                assert (shed.status_code, shed.headers["retry-after"]) == (503, "1")
                assert shed.json()["reason"] == "overloaded"
                assert (await one.get("/livez")).status_code == 200
            assert not any(request.done() for request in at_work), "nothing waited for a place"
            assert world.count('marquee_requests_rejected_total{reason="overloaded"}') == 5
            world.go.set()
            assert {answer.status_code for answer in await asyncio.gather(*at_work)} == {200}
            assert (await one.get("/movies")).status_code == 200

    run(scene, max_in_flight=3)


def test_a_disconnected_caller_frees_its_place() -> None:
    async def scene(world: FakeService) -> None:
        async with client(world) as one:
            with pytest.raises(httpx.ReadTimeout):
                await one.get("/wait", timeout=0.1)
            world.go.set()
            await asyncio.sleep(0.1)
            assert (await one.get("/movies")).status_code == 200

    run(scene, max_in_flight=1)


@pytest.mark.parametrize(
    ("header", "value", "name"),
    [
        ("Authorization", "Bearer key of ann", "ann"),
        ("authorization", "bearer   key-of-bob", "bob"),
        ("X-API-Key", "key-of-bob", "bob"),
        ("x-api-key", "ann's other", "ann"),
    ],
)
def test_the_log_names_the_owner_of_a_key_but_not_the_key(keys: Path, header: str, value: str, name: str) -> None:
    async def scene(world: FakeService) -> None:
        async with client(world) as one:
            assert (await one.get("/movies", headers={header: value})).status_code == 200
        (line,) = world.lines
        assert line["client"] == name
        assert "key" not in json.dumps(line).replace('"client"', "")

    run(scene, api_keys_file=keys)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic key-of-bob"},
        {"Authorization": "key-of-bob"},
        {"Authorization": "Bearer key-of-eve"},
        {"Authorization": "Bearer " + hashlib.sha256(b"key-of-bob").hexdigest()},
        {"X-API-Key": "KEY-OF-BOB"},
        {"X-API-Key": ""},
        {b"X-API-Key": b"\xff\xfe"},
        {"Cookie": "x-api-key=key-of-bob"},
    ],
)
def test_without_a_known_key_only_the_documentation_is_answered(keys: Path, headers: dict[str, str]) -> None:
    async def scene(world: FakeService) -> None:
        async with client(world) as one:
            for path in ("/movies", "/movies?x-api-key=key-of-bob", "/nothing", "/livez/", "/livez/x", "/DOCS"):
                answer = await one.get(path, headers=headers)
                assert (answer.status_code, answer.json()["reason"]) == (401, "unauthorized")
                assert answer.headers["www-authenticate"].startswith("Bearer")
            for path in ("/livez", "/docs", "/openapi.json"):
                assert (await one.get(path, headers=headers)).status_code == 200
        assert {line["client"] for line in world.lines} == {"127.0.0.1"}

    run(scene, api_keys_file=keys)


def test_one_known_key_among_several_is_enough(keys: Path) -> None:
    assert ApiKeys(keys).find_owner([("authorization", "Bearer no"), ("x-api-key", "key-of-bob")]) == "bob"


def test_keys_follow_their_file_and_survive_its_damage(keys: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    held = ApiKeys(keys)
    keys.write_text(line_of("eve", "key-of-eve"))
    held.refresh()
    assert (held.find_owner([(b"x-api-key", b"key-of-eve")]), held.find_owner([(b"x-api-key", b"key-of-bob")])) == ("eve", None)
    keys.write_text(line_of("eve", "key-of-eve") + "bob:key-of-bob\n")
    held.refresh()
    held.refresh()
    assert held.find_owner([(b"x-api-key", b"key-of-eve")]) == "eve"
    assert caplog.text.count("line 2") == 1  # once, not each second
    assert "key-of-bob" not in caplog.text
    keys.unlink()
    held.refresh()
    assert held.find_owner([(b"x-api-key", b"key-of-eve")]) == "eve"
    other = keys.with_name("other")
    other.write_text(line_of("bob", "key-of-bob"))
    os.replace(other, keys)
    held.refresh()
    assert held.find_owner([(b"x-api-key", b"key-of-bob")]) == "bob"


DIGEST = "0" * 64
MALFORMED = [
    *("a key", "ann", "ann:", f":{DIGEST}", f"ann:{DIGEST[1:]}", f"ann:{DIGEST}0", f"ann:{DIGEST} x", f"a b:{DIGEST}"),
    *(f"ann:{'g' * 64}", f"ann:{chr(0x660) * 64}", f"{'a' * 65}:{DIGEST}", f"\0:{DIGEST}"),
]


@pytest.mark.parametrize("line", MALFORMED)
def test_a_malformed_line_is_named_by_its_number(tmp_path: Path, line: str) -> None:
    (tmp_path / "keys").write_text(f"# keys\n\n{line}\n")
    with pytest.raises(MalformedKeys, match=r"line 3: .*name:sha256") as caught:
        load_keys(tmp_path / "keys")
    assert line not in str(caught.value)


def test_one_key_has_one_owner(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(line_of("ann", "key") + line_of("bob", "key"))
    with pytest.raises(MalformedKeys, match="line 2: this digest"):
        load_keys(tmp_path / "keys")


def test_a_caller_over_the_rate_limit_gets_retry_after() -> None:
    async def scene(world: FakeService) -> None:
        async with client(world) as one:
            answers = [await one.get("/movies", headers={"X-Forwarded-For": f"6.6.6.{n}"}) for n in range(5)]
            assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
            wait = int(answers[-1].headers["retry-after"])
            assert 1 <= wait <= 2
            assert answers[-1].json()["reason"] == "rate_limited"
            assert (await one.get("/livez")).status_code == 200
            await asyncio.sleep(wait)
            assert (await one.get("/movies")).status_code == 200
        assert world.count('marquee_requests_rejected_total{reason="rate_limited"}') == 2

    while time.time() % 2 > 1:  # a fixed window must not end between the requests
        time.sleep(0.05)
    run(scene, rate_limit="3/2second")


def test_each_key_has_its_own_rate_limit_and_a_wrong_key_uses_none(keys: Path) -> None:
    async def scene(world: FakeService) -> None:
        async with client(world) as one:
            for key, statuses in (("key of ann", [200, 200, 429]), ("wrong", [401] * 3), ("key-of-bob", [200, 200, 429])):
                assert [(await one.get("/movies", headers={"X-API-Key": key})).status_code for _ in range(3)] == statuses
            assert (await one.get("/movies", headers={"X-API-Key": "ann's other"})).status_code == 429

    run(scene, api_keys_file=keys, rate_limit="2/hour")


def test_by_default_pages_of_other_origins_may_not_read_answers() -> None:
    async def scene(world: FakeService) -> None:
        async with client(world) as one:
            preflight = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
            for answer in (
                await one.get("/movies", headers={"Origin": ORIGIN}),
                await one.options("/predict", headers=preflight),
                await one.get("/nothing", headers={"Origin": "null"}),
            ):
                assert not [name for name in answer.headers if name.startswith("access-control")]

    run(scene)


def test_pages_of_the_origins_that_are_set_may_read_answers_and_refusals(keys: Path) -> None:
    async def scene(world: FakeService) -> None:
        async with client(world) as one:
            refused = await one.get("/movies", headers={"Origin": ORIGIN})
            assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, ORIGIN)
            assert refused.headers["x-request-id"]
            asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}
            preflight = await one.options("/predict", headers=asked)  # shows no key, as browsers have it
            assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, ORIGIN)
            assert "access-control-allow-credentials" not in preflight.headers
            assert preflight.headers["x-content-type-options"] == "nosniff"
            other = await one.get("/movies", headers={"Origin": "https://evil.example", "X-API-Key": "key-of-bob"})
            assert other.status_code == 200
            assert "access-control-allow-origin" not in other.headers
            assert (await one.options("/predict", headers=asked | {"Origin": "https://evil.example"})).status_code == 400

    run(scene, api_keys_file=keys, cors_allowed_origins=f" {ORIGIN}, https://other.example:8443")


@pytest.mark.parametrize(
    ("trusted", "caller"), [("", "127.0.0.1"), ("10.0.0.0/8", "127.0.0.1"), ("127.0.0.0/8", "203.0.113.7"), ("*", "203.0.113.7")]
)
def test_only_a_trusted_proxy_sets_the_callers_address(trusted: str, caller: str) -> None:
    async def scene(world: FakeService) -> None:
        async with client(world) as one:
            await one.get("/movies", headers={"X-Forwarded-For": "203.0.113.7"})
        assert [line["client"] for line in world.lines] == [caller]

    run(scene, forwarded_allow_ips=trusted)
