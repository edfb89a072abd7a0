"""Serves Feast's UI, opened on the project FEAST_PROJECT: `python -P feast_ui.py HOST PORT`, in the folder feature_repo.

Runs in the tasks' environment. Feast's own command opens on a list that has every project by its id and does not say which one
is live. This list has the live feature set first, names each set by its day, and leaves out projects without feature views.
"""

import re
import sys
from collections import Counter
from collections.abc import Sequence

import typeguard
import uvicorn

# As tasks/io/feast does: Feast's checks of its own arguments compile its classes again at each import, 4 s of 6.
typeguard.typechecked = lambda target: target  # type: ignore[assignment]

from fastapi import FastAPI
from feast import FeatureStore, Project
from feast.ui_server import get_app
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

REGISTRY_PATH = "/api/v1"
FEATURE_SET = re.compile(r"movies_(\d{4})(\d\d)(\d\d)_([0-9a-f]+)\w*")
"""The name of a feature set: its day, and the hashes of its content and schema."""


def make_app(store: FeatureStore) -> FastAPI:
    """Return Feast's app with our start page and list of projects."""
    app: FastAPI = get_app(store, store.project)

    def open_live(_: Request) -> Response:
        return RedirectResponse(f"/p/{store.project}", headers={"Cache-Control": "no-store"})

    def list_projects(_: Request) -> Response:
        filled = [
            project
            for project in store.registry.list_projects(allow_cache=True)
            if store.registry.list_feature_views(project.name, allow_cache=True)
        ]
        return JSONResponse({"projects": describe_projects(filled, store.project)})

    # The first route that matches answers, so these two replace Feast's.
    app.router.routes[:0] = [Route("/", open_live), Route("/projects-list.json", list_projects)]
    return app


def describe_projects(projects: Sequence[Project], live: str) -> list[dict[str, str]]:
    """Return the entries of projects-list.json: the live one, then the others, the newest first."""
    ordered = sorted(projects, key=lambda project: (project.name == live, project.created_timestamp), reverse=True)
    days = Counter(read_day(project.name) for project in projects)
    return [
        {
            "name": describe_name(project.name, unique=days[read_day(project.name)] == 1, live=project.name == live),
            "description": project.description or f"Feature set {project.name}",
            "id": project.name,
            "registryPath": REGISTRY_PATH,
        }
        for project in ordered
    ]


def describe_name(name: str, unique: bool, live: bool) -> str:
    """Return a name for people, such as `Movies of 2026-11-25 (live)`. unique: no other set is of that day."""
    day, found = read_day(name), FEATURE_SET.fullmatch(name)
    text = f"Movies of {day}" if day else name
    if found and not unique:
        text += f", content {found[4][:6]}"
    return f"{text} (live)" if live else text


def read_day(name: str) -> str | None:
    """Return the day in the name of a feature set, or None if it has none."""
    found = FEATURE_SET.fullmatch(name)
    return "-".join(found.groups()[:3]) if found else None


if __name__ == "__main__":
    uvicorn.run(make_app(FeatureStore(repo_path=".")), host=sys.argv[1], port=int(sys.argv[2]))
