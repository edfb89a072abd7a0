"""Settings: read from the environment, wrong ones named, unknown ones never passed on."""

from pathlib import Path

import pytest

from infra.platform import settings as module
from infra.platform.errors import StackError
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
    file.write_text("MODEL_POLL_SECONDS=1\nPGPASSWORD=canary\n")
    monkeypatch.setattr(module, "ENV_FILE", file)
    passed_on = read_passed_on({"TMDB_REQUESTS_PER_RUN": "5", "HOME": "/"})
    assert passed_on == {"MODEL_POLL_SECONDS": "1", "TMDB_REQUESTS_PER_RUN": "5"}


def test_trial_settings_use_each_port_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.platform.ports.is_free", lambda address, port: True)
    values = Settings.trial(tmp_path).model_dump()
    ports = [value for name, value in values.items() if name.endswith("_port")]
    assert len(set(ports)) == len(ports) == 10
    assert max(ports) == values["s3_port"], "the row of S3 ports comes last, so it overlaps none"
    several = Settings.trial(tmp_path, api_workers=3)
    assert several.s3_port == several.metrics_port + 3, "each worker has a port for its metrics"
