"""Tests the commands that stop and remove the platform, and the sentences for expected errors."""

from pathlib import Path

import pytest
import requests
import typer
from typer.testing import CliRunner

from infra.cli.commands import platform
from infra.cli.commands.app import app
from infra.cli.output import plain_errors
from infra.compose.containers import Containers
from infra.compose.env_files import env_folder
from infra.local.stack import Stack
from infra.platform.errors import StackError
from infra.platform.settings import Settings

URL = "http://127.0.0.1:9/livez"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    made = Settings(_env_file=None, marquee_home=tmp_path)
    made.layout.make()
    monkeypatch.setattr(Settings, "read", lambda: made)
    return made


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the calls that stop or remove a platform, instead of making them."""
    made: list[str] = []
    for kind in (Stack, Containers):
        for name in ("stop", "remove"):
            monkeypatch.setattr(kind, name, lambda _, call=f"{kind.__name__}.{name}": made.append(call))
    return made


@pytest.mark.parametrize(("kind", "again"), [(Stack, "make up"), (Containers, "make up ARGS=--docker")])
def test_down_names_the_command_that_starts_again(
    settings: Settings, calls: list[str], monkeypatch: pytest.MonkeyPatch, kind: type[Stack | Containers], again: str
) -> None:
    running = kind.load(settings)
    monkeypatch.setattr(platform, "load_platform", lambda: running)
    done = CliRunner().invoke(app, ["down"])
    assert (done.exit_code, calls) == (0, [f"{kind.__name__}.stop"])
    assert f"the data are kept. `{again}` starts again." in done.output


@pytest.mark.parametrize("prepared", [True, False])
def test_reset_removes_containers_only_if_there_were_any(settings: Settings, calls: list[str], prepared: bool) -> None:
    if prepared:
        env_folder(settings).mkdir()
    done = CliRunner().invoke(app, ["reset", "--yes"])
    assert done.exit_code == 0, done.output
    assert calls == [*(["Containers.remove"] if prepared else []), "Stack.remove"]


def test_reset_removes_nothing_unless_the_user_agrees(settings: Settings, calls: list[str]) -> None:
    done = CliRunner().invoke(app, ["reset"], input="n\n")
    assert (done.exit_code, calls) == (1, [])
    assert str(settings.marquee_home) in done.output.replace("\n", "")


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (StackError("API_PORT 8000 is taken"), 1, "marquee: API_PORT 8000 is taken\n"),
        (requests.ConnectionError(request=requests.Request("GET", URL).prepare()), 1, f"marquee: {URL} does not answer"),
        (requests.ConnectionError(), 1, "marquee: a server does not answer"),
        (KeyboardInterrupt(), 130, "marquee: interrupted; started services keep running, `make down` stops them\n"),
    ],
)
def test_an_expected_error_is_one_sentence(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, sentence: str
) -> None:
    with pytest.raises(typer.Exit) as ended, plain_errors():
        raise error
    assert ended.value.exit_code == code
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert printed.err.startswith(sentence)


def test_an_unexpected_error_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), plain_errors():
        raise ZeroDivisionError
