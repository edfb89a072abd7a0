"""Tests the env files of Compose: the embedded stack's variables with other addresses, private, equal for equal secrets."""

import hashlib
import json
import stat
from pathlib import Path

import pytest
from dotenv import dotenv_values

from infra.compose import env_files, object_store
from infra.compose.env_files import make_variables, render, write_env_files
from infra.platform.api_keys import add_key
from infra.platform.endpoints import local_endpoints
from infra.platform.environment import local_variables
from infra.platform.errors import StackError
from infra.platform.secrets import Secrets
from infra.platform.settings import Settings

CLOUD = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "eu-central-1", "S3_BUCKET": "films"}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(env_files, "chosen_s3", lambda: None)
    made = Settings.model_validate({"marquee_home": tmp_path})
    made.layout.make()
    return made


def test_the_files_are_private_and_keep_every_value(settings: Settings) -> None:
    secrets = Secrets(settings.layout.secrets)
    folder = write_env_files(settings, secrets)
    for name, variables in make_variables(settings, secrets).items():
        path = folder / f"{name}.env"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert dotenv_values(path, interpolate=False) == variables


def test_the_same_secrets_give_the_same_bytes(settings: Settings) -> None:
    def read() -> dict[str, bytes]:
        folder = write_env_files(settings, Secrets(settings.layout.secrets))
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    assert read() == read()


def test_tasks_and_api_read_in_containers_what_they_read_as_processes(settings: Settings) -> None:
    secrets = Secrets(settings.layout.secrets)
    inside, endpoints = make_variables(settings, secrets), local_endpoints(settings, secrets)
    of_image = {"DEPLOYMENT_CACHE_DIR", "API_HOST", "API_PORT", "GRPC_PORT", "METRICS_PORT"}
    of_processes = {"PYTHONPATH", "API_WORKERS", *of_image}  # or set by compose
    assert set(inside["tasks"]) == set(local_variables("tasks", settings, endpoints)) - of_processes
    assert set(inside["api"]) == set(local_variables("serving", settings, endpoints)) - of_processes


def test_no_service_gets_a_loopback_address(settings: Settings) -> None:
    for name, variables in make_variables(settings, Secrets(settings.layout.secrets)).items():
        called = {variable: value for variable, value in variables.items() if variable.lower() != "no_proxy"}
        assert not [variable for variable, value in called.items() if "127.0.0.1" in value or "localhost" in value], name


def test_the_api_has_no_key_to_write_with_but_for_its_receipts(settings: Settings) -> None:
    secrets = Secrets(settings.layout.secrets)
    api = render(make_variables(settings, secrets)["api"])
    its_own = {"redis_api", "s3_api_access_key", "s3_api_secret_key", "postgres_receipts"}
    others = [path.read_text() for path in secrets.folder.iterdir() if path.name not in its_own]
    assert others
    assert not [secret for secret in others if secret in api]


def test_the_api_gets_the_digests_of_keys_once_there_are_keys(settings: Settings) -> None:
    secrets = Secrets(settings.layout.secrets)
    assert "API_KEYS" not in make_variables(settings, secrets)["api"]
    key = add_key(secrets, "ann")
    told = make_variables(settings, secrets)["api"]["API_KEYS"]
    assert told.splitlines()[1] == f"ann:{hashlib.sha256(key.encode()).hexdigest()}"
    assert key not in told


def test_a_value_that_compose_would_read_otherwise_is_rejected_by_name() -> None:
    assert render({"NAME": "it's"}) == 'NAME="it\'s"\n'
    for value in ("it's $5", "a${b}", "a\\b", "a\rb"):
        with pytest.raises(StackError, match="NAME may"):
            render({"NAME": value})


def test_every_service_calls_the_others_past_a_proxy(settings: Settings) -> None:
    called = {"postgres", "redis", "s3", "mlflow", "sources", "airflow-api", "docker-filter", "127.0.0.1"}
    for variables in make_variables(settings, Secrets(settings.layout.secrets)).values():
        for spelling in ("NO_PROXY", "no_proxy"):
            assert called <= set(variables[spelling].split(","))


def test_people_find_airflow_s_password(settings: Settings) -> None:
    secrets = Secrets(settings.layout.secrets)
    write_env_files(settings, secrets)
    assert json.loads(settings.layout.airflow_passwords.read_text()) == {"admin": secrets.read("airflow_password")}


def test_an_external_s3_replaces_ours(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env_files, "chosen_s3", lambda: object_store.choose_s3(CLOUD))
    variables = make_variables(settings, Secrets(settings.layout.secrets))
    assert variables["tasks"]["AWS_ENDPOINT_URL_S3"] == "https://s3.eu-central-1.amazonaws.com"
    assert variables["tasks"]["PYICEBERG_CATALOG__MARQUEE__WAREHOUSE"] == "s3://films/offline"
    assert variables["mlflow"]["MLFLOW_ARTIFACTS_DESTINATION"] == "s3://films/mlflow"
    assert "S3_BUCKET" not in variables["setup"]
    assert {name: variables["api"][name] for name in CLOUD} == CLOUD
    assert not [name for name in variables["api"] if name.startswith(("PYICEBERG", "MLFLOW_ARTIFACTS"))]


def test_incomplete_settings_of_an_s3_are_rejected_by_name() -> None:
    with pytest.raises(StackError, match="AWS_SECRET_ACCESS_KEY, S3_BUCKET"):
        object_store.choose_s3({"AWS_ACCESS_KEY_ID": "k", "AWS_REGION": "eu-central-1"})


def test_without_keys_our_s3_is_used() -> None:
    assert object_store.choose_s3({"AWS_REGION": "eu-central-1", "AWS_CA_BUNDLE": "/x"}) is None
