"""Tests the settings: read from the environment; wrong ones are named, unknown ones never passed on."""

from pathlib import Path

import pytest

from infra.platform import settings as module
from infra.platform.endpoints import local_endpoints
from infra.platform.environment import local_variables
from infra.platform.errors import StackError
from infra.platform.secrets import Secrets
from infra.platform.settings import Settings, read_passed_on


def test_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text("API_PORT=8001\nMLFLOW_PORT=5001\n")
    monkeypatch.delenv("MLFLOW_PORT", raising=False)
    monkeypatch.setenv("API_PORT", "8002")
    settings = Settings(_env_file=file)
    assert (settings.api_port, settings.mlflow_port) == (8002, 5001)


def test_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_PORT", "eighty")
    with pytest.raises(StackError, match="API_PORT"):
        Settings.read()


def test_token_is_never_shown() -> None:
    settings = Settings(_env_file=None, tmdb_access_token="canary-token")
    assert "canary" not in f"{settings} {settings!r}"


def test_home_becomes_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings(_env_file=None, marquee_home=Path("here")).marquee_home == tmp_path / "here"


def test_only_the_programs_own_variables_are_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text("DEPLOYMENT_POLL_SECONDS=1\nPGPASSWORD=canary\n")
    monkeypatch.setattr(module, "ENV_FILE", file)
    passed_on = read_passed_on({"TMDB_HOURS_PER_RUN": "5", "HOME": "/"})
    assert passed_on == {"DEPLOYMENT_POLL_SECONDS": "1", "TMDB_HOURS_PER_RUN": "5"}


def test_trial_settings_use_each_port_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.platform.ports.is_free", lambda address, port: True)
    values = Settings.trial(tmp_path).model_dump()
    ports = [value for name, value in values.items() if name.endswith("_port")]
    assert len(set(ports)) == len(ports) == 10
    assert max(ports) == values["s3_port"], "the row of S3 ports comes last, so it overlaps none"


ADDRESSES = [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("10.1.2.3", "10.1.2.3"), ("localhost", "127.0.0.1")]  # noqa: S104


@pytest.mark.parametrize(("bind", "called"), ADDRESSES)
def test_clients_call_an_address_that_the_servers_listen_on(tmp_path: Path, bind: str, called: str) -> None:
    settings = Settings(_env_file=None, marquee_home=tmp_path, bind_address=bind)
    settings.layout.make()
    endpoints = local_endpoints(settings, Secrets(settings.layout.secrets))
    opened = (endpoints.mlflow, endpoints.airflow, endpoints.api, endpoints.grpc)
    assert {endpoint.host for endpoint in opened} == {called}
    stores = (endpoints.postgres, endpoints.redis, endpoints.s3, endpoints.sources, endpoints.feast_ui, endpoints.metrics)
    assert {(endpoint.host, endpoint.bind) for endpoint in stores} == {("127.0.0.1", "127.0.0.1")}
    for program in ("tasks", "serving"):
        variables = local_variables(program, settings, endpoints)
        assert called in variables["NO_PROXY"].split(",")
        assert variables["MLFLOW_TRACKING_URI"] == endpoints.mlflow.url
    assert local_variables("serving", settings, endpoints)["API_HOST"] == settings.bind_address


def test_an_ipv6_address_stands_in_brackets_in_urls(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, marquee_home=tmp_path, bind_address="::1")
    assert local_endpoints(settings, Secrets(tmp_path)).api.url == "http://[::1]:8000"


@pytest.mark.parametrize("setting", ["BIND_ADDRESS", "BIND_STORES"])
def test_a_malformed_address_is_named(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.setenv(setting, "my-host")
    with pytest.raises(StackError, match=f"{setting} is wrong: .*'my-host' does not appear to be an IPv4 or IPv6 address"):
        Settings.read()
