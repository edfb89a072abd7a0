"""Tests the settings of the TMDB client; the token never appears in logs or errors."""

import logging

import pytest
from pydantic import SecretStr

from infra.sources.faults import Fault
from tasks.core.errors import AccessDenied, BadSetting
from tasks.io.tmdb.client import Tmdb
from tasks.io.tmdb.http import Transport
from tests.tasks.core.tmdb.bodies import INVALID_KEY
from tests.tasks.io.tmdb.source import ONE, TOKEN, Start

pytestmark = pytest.mark.integration


def test_the_token_is_in_no_url_and_no_log(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    source = start({ONE: [Fault(500), Fault(cut_after=3), Fault(401, INVALID_KEY)]})
    with pytest.raises(AccessDenied) as refused:
        source.fetch()
    assert ONE in caplog.text
    assert TOKEN not in caplog.text + str(refused.value) + repr(refused.value.__cause__)


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "ümlaut", "\x00"])
def test_a_malformed_token_is_rejected_without_being_shown(token: str) -> None:
    with pytest.raises(BadSetting, match="TMDB_ACCESS_TOKEN is not a bearer token") as wrong:
        Transport("http://127.0.0.1:9", token, 1)
    assert not token.strip() or token not in str(wrong.value)


@pytest.mark.parametrize("base_url", ["", "api.themoviedb.org", "ftp://api.themoviedb.org", "http://"])
def test_a_wrong_address_is_a_wrong_setting(base_url: str) -> None:
    with pytest.raises(BadSetting, match="TMDB_BASE_URL"):
        Transport(base_url, TOKEN, 1)


def test_a_client_is_made_from_settings() -> None:
    class Given:
        tmdb_base_url = "https://api.themoviedb.org/"
        tmdb_access_token: SecretStr | None = SecretStr(f" {TOKEN}\n")
        tmdb_requests_per_second = 35.0

    with Tmdb.from_settings(Given()):
        pass
    Given.tmdb_access_token = None
    with pytest.raises(BadSetting, match="TMDB_ACCESS_TOKEN"):
        Tmdb.from_settings(Given())
