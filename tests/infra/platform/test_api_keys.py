"""Tests the API's keys: made once, stored as digests, revoked by name."""

import hashlib
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.cli.commands import use  # noqa: F401  # adds `api-key` to the app
from infra.cli.commands.app import app
from infra.cli.predictions import KEY_HEADER
from infra.platform.api_keys import PLATFORM_NAME, add_key, api_keys_file, own_key, read_digests, revoke_key
from infra.platform.endpoints import local_endpoints
from infra.platform.environment import local_variables
from infra.platform.errors import StackError
from infra.platform.secrets import Secrets
from infra.platform.settings import Settings
from serving.access.api_keys import ApiKeys


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(_env_file=None, marquee_home=tmp_path)
    made.layout.make()
    return made


@pytest.fixture
def secrets(settings: Settings) -> Secrets:
    return Secrets(settings.layout.secrets)


def sha256(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def test_a_key_is_stored_as_its_digest_in_a_private_file(secrets: Secrets) -> None:
    keys = {name: add_key(secrets, name) for name in ("ann", "bob.2", "c_d-e")}
    path = api_keys_file(secrets)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(set(keys.values())) == 3
    assert min(map(len, keys.values())) >= 43
    lines = [f"{PLATFORM_NAME}:{sha256(secrets.read('api_key'))}", *(f"{name}:{sha256(key)}" for name, key in keys.items())]
    assert path.read_text() == "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("name", ["", " ann", "ann\n", "Ann", "a:b", "-x", "ä", "a" * 65, "a/b", "a b"])
def test_a_wrong_name_is_rejected_with_the_allowed_form(secrets: Secrets, name: str) -> None:
    with pytest.raises(StackError, match="is not a name for a key"):
        add_key(secrets, name)
    assert not api_keys_file(secrets).exists()


def test_a_name_has_one_key(secrets: Secrets) -> None:
    with pytest.raises(StackError, match="There is a key named 'marquee' already"):
        add_key(secrets, PLATFORM_NAME)
    add_key(secrets, "ann")
    before = api_keys_file(secrets).read_text()
    with pytest.raises(StackError, match="There is a key named 'ann' already"):
        add_key(secrets, "ann")
    assert api_keys_file(secrets).read_text() == before


def test_a_revoked_key_is_removed_and_a_key_stays_required(secrets: Secrets) -> None:
    for name in ("ann", "bob"):
        add_key(secrets, name)
    assert revoke_key(secrets, "ann") == 1
    assert list(read_digests(api_keys_file(secrets))) == [PLATFORM_NAME, "bob"]
    for name in ("ann", PLATFORM_NAME):
        with pytest.raises(StackError, match=f"no key named '{name}'; there are: bob"):
            revoke_key(secrets, name)
    assert revoke_key(secrets, "bob") == 0
    assert list(read_digests(api_keys_file(secrets))) == [PLATFORM_NAME]
    assert add_key(secrets, "ann")


def test_the_platform_uses_its_own_key_once_there_are_keys(settings: Settings, secrets: Secrets) -> None:
    assert own_key(secrets) is None
    assert "API_KEYS_FILE" not in local_variables("serving", settings, local_endpoints(settings, secrets))
    add_key(secrets, "ann")
    assert own_key(secrets) == secrets.read("api_key")
    assert local_variables("serving", settings, local_endpoints(settings, secrets))["API_KEYS_FILE"] == str(
        api_keys_file(secrets)
    )


def test_the_api_knows_the_owner_of_a_key(secrets: Secrets) -> None:
    keys = {"ann": add_key(secrets, "ann"), PLATFORM_NAME: str(own_key(secrets))}
    api = ApiKeys(api_keys_file(secrets))
    header = KEY_HEADER.lower().encode()
    assert {name: api.find_owner([(header, key.encode())]) for name, key in keys.items()} == {name: name for name in keys}
    assert api.find_owner([(header, b"other")]) is None
    revoke_key(secrets, "ann")
    api.refresh()
    assert [api.find_owner([(header, key.encode())]) for key in keys.values()] == [None, PLATFORM_NAME]


def test_the_command_prints_the_key_alone(settings: Settings, secrets: Secrets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Settings, "read", lambda: settings)
    made = CliRunner().invoke(app, ["api-key", "ann"])
    assert made.exit_code == 0
    assert "X-API-Key; it works after the next `make up`" in made.stderr
    assert read_digests(api_keys_file(secrets))["ann"] == sha256(made.stdout.removesuffix("\n"))
    again = CliRunner().invoke(app, ["api-key", "ann"])
    assert (again.exit_code, again.stdout) == (1, "")
    assert "already" in again.stderr
    revoked = CliRunner().invoke(app, ["api-key", "ann", "--revoke"])
    assert (revoked.exit_code, revoked.stdout) == (0, "")
    assert str(api_keys_file(secrets)) in revoked.stderr
    assert "stops working within two seconds" in revoked.stderr
