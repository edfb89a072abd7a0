"""The documentation pages work without internet: every file that they load is ours, and their policy allows nothing else."""

import base64
import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from serving.app import create_app
from serving.settings import Settings
from tests.serving.client import Client, run_app
from tests.serving.log import Log

pytestmark = pytest.mark.integration  # the background tasks knock at ports where nothing listens

SETTINGS = {"redis_url": "redis://127.0.0.1:9/0", "mlflow_tracking_uri": "http://127.0.0.1:9", "grpc_port": 0}
Serve = Callable[..., AbstractContextManager[Client]]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Run an application that can reach nothing, with settings that differ."""

    @contextmanager
    def run(**changes: object) -> Iterator[Client]:
        log = Log()
        with run_app(create_app(Settings.model_validate(SETTINGS | {"model_cache_dir": tmp_path} | changes), log)) as client:
            yield client
        log.close()

    return run


def find_urls(page: str) -> list[str]:
    """Return what the page loads: scripts, styles, images, and the OpenAPI document."""
    return re.findall(r"""(?:src=|href=|spec-url=|url: )["']([^"']+)["']""", page)


@pytest.mark.parametrize(("page", "files"), [("/docs", 4), ("/redoc", 3)])
@pytest.mark.parametrize("prefix", ["", "/marquee"])
def test_a_page_loads_only_our_own_existing_files(serve: Serve, page: str, files: int, prefix: str) -> None:
    with serve(root_path=prefix) as client:
        urls = find_urls(client.get(page).text)
        assert len(urls) == files
        for url in urls:
            assert url.startswith(f"{prefix}/")
            assert not url.startswith("//")
            assert client.get(url.removeprefix(prefix)).status_code == 200


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_a_page_allows_its_own_scripts_and_no_other_host(serve: Serve, page: str) -> None:
    with serve() as client:
        answer = client.get(page)
    (policy,) = answer.headers.get_list("content-security-policy")
    directives = {name: sources.split() for name, _, sources in (part.strip().partition(" ") for part in policy.split(";"))}
    assert directives["default-src"] == ["'none'"]
    assert directives["connect-src"] == ["'self'"]
    inline = re.findall("<script>(.*?)</script>", answer.text, re.DOTALL)
    digests = [f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in inline]
    assert directives["script-src"] == ["'self'", *digests]
    assert not re.search(r"https?:|\*", policy)


@pytest.mark.parametrize("prefix", ["", "/marquee"])
def test_the_root_leads_to_the_documentation(serve: Serve, prefix: str) -> None:
    with serve(root_path=prefix) as client:
        answer = client.get("/")
        document = client.get("/openapi.json").json()
    assert (answer.status_code, answer.headers["location"]) == (307, f"{prefix}/docs")
    assert document.get("servers") == ([{"url": prefix}] if prefix else None)


def test_the_documentation_needs_no_key(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("")
    with serve(api_keys_file=tmp_path / "keys") as client:
        pages = ["/", "/docs", "/redoc"]
        loaded = [url for page in pages[1:] for url in find_urls(client.get(page).text)]
        assert {client.get(path).status_code for path in [*pages, *loaded]} == {200, 307}
        assert client.get("/predict?movie_id=tt0111161").status_code == 401
        assert client.get("/docs/assets/../../predict").status_code in (401, 404)


@pytest.mark.parametrize(
    "path", ["/docs/assets/", "/docs/assets/x.js", "/docs/assets/%2e%2e/core.py", "/docs/assets/..%2fcore.py"]
)
def test_nothing_else_of_the_package_is_served(serve: Serve, path: str) -> None:
    with serve() as client:
        assert client.get(path).status_code == 404


def test_health_answers_as_readyz_does(serve: Serve) -> None:
    with serve() as client:
        health, ready = client.get("/health"), client.get("/readyz")
        assert (health.status_code, health.json()) == (ready.status_code, ready.json())
        assert health.status_code == 503
        assert client.request("HEAD", "/health").status_code == 503


@pytest.mark.parametrize("wrong", [{"root_path": "marquee"}, {"root_path": "/marquee/"}, {"forwarded_allow_ips": "10.0.0.300"}])
def test_a_wrong_proxy_setting_stops_the_start(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Settings.model_validate(SETTINGS | wrong)
