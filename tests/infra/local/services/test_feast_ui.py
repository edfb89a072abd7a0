"""The list of projects that Feast's UI shows, and the page that it opens on."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI
from feast import FeatureStore, Project

from infra.local.services import feast_ui

LIVE, OLDER, SAME_DAY = (
    "movies_20261125_6d03905ab5c3_bddc1a8c",
    "movies_20261120_0123456789ab",
    "movies_20261125_ffffffffffff_bddc1a8c_031502",
)


def project(name: str, day: int, description: str = "") -> Project:
    return Project(name=name, description=description, created_timestamp=datetime(2026, 11, day, tzinfo=UTC))


async def get(app: FastAPI, *paths: str) -> list[httpx.Response]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://feast") as client:
        return [await client.get(path) for path in paths]


def test_the_live_set_comes_first_and_each_set_has_a_name_for_people() -> None:
    listed = feast_ui.describe_projects([project(OLDER, 20), project(LIVE, 25, "20 movies"), project("other", 26)], LIVE)
    assert [(each["id"], each["name"], each["description"]) for each in listed] == [
        (LIVE, "Movies of 2026-11-25 (live)", "20 movies"),
        ("other", "other", "Feature set other"),
        (OLDER, "Movies of 2026-11-20", f"Feature set {OLDER}"),
    ]


def test_sets_of_one_day_have_different_names() -> None:
    listed = feast_ui.describe_projects([project(LIVE, 25), project(SAME_DAY, 25)], LIVE)
    assert [each["name"] for each in listed] == [
        "Movies of 2026-11-25, content 6d0390 (live)",
        "Movies of 2026-11-25, content ffffff",
    ]


def test_the_ui_opens_on_the_live_set_and_lists_no_empty_project(monkeypatch: pytest.MonkeyPatch) -> None:
    def get_app(*_: Any) -> FastAPI:
        app = FastAPI()
        app.get("/")(lambda: "Feast's own start page")
        app.get("/projects-list.json")(lambda: "Feast's own list")
        return app

    monkeypatch.setattr(feast_ui, "get_app", get_app)
    registry = SimpleNamespace(
        list_projects=lambda allow_cache: [project(LIVE, 25), project("marquee", 1)],
        list_feature_views=lambda name, allow_cache: [] if name == "marquee" else ["movies"],
    )
    store = cast(FeatureStore, SimpleNamespace(project=LIVE, registry=registry))
    opened, listed = asyncio.run(get(feast_ui.make_app(store), "/", "/projects-list.json"))
    assert (opened.status_code, opened.headers["Location"]) == (307, f"/p/{LIVE}")
    assert [each["id"] for each in listed.json()["projects"]] == [LIVE]
