"""The `filters` parameter of the two list calls, restricted to this platform's image and containers."""

import re

from pydantic import TypeAdapter, ValidationError

from infra.docker_filter.policy.errors import Rejection
from infra.docker_filter.policy.settings import Settings
from infra.docker_filter.policy.strict_json import parse_json

FILTERS = TypeAdapter(dict[str, list[str]])
LABEL = re.compile(r"marquee\.(task|platform|dag|run|try)(=[^\x00-\x1f]{0,250})?")
STATES = {"created", "running", "paused", "restarting", "removing", "exited", "dead"}


def force_image(text: str, settings: Settings) -> dict[str, list[str]]:
    """Return the filter for the tasks' image. Raise Rejection if the client asks for another image."""
    allowed = {"reference": [settings.tasks_image]}
    if _read(text) not in ({}, allowed):
        raise Rejection(f"only the image {settings.tasks_image} may be looked up")
    return allowed


def force_platform(text: str, settings: Settings) -> dict[str, list[str]]:
    """Return the client's filter plus this platform's labels. The engine lists only containers that have all of the labels."""
    wanted = _read(text)
    if not wanted.keys() <= {"label", "status"}:
        raise Rejection("containers may be filtered by label and status alone")
    labels, states = wanted.get("label", []), wanted.get("status", [])
    if not all(LABEL.fullmatch(label) for label in labels):
        raise Rejection("the labels to filter by are marquee.task, marquee.platform, marquee.dag, marquee.run and marquee.try")
    if not STATES.issuperset(states):
        raise Rejection(f"the states to filter by are {', '.join(sorted(STATES))}")
    return {"label": [*labels, *task_labels(settings)]} | ({"status": states} if states else {})


def task_labels(settings: Settings) -> list[str]:
    """Return the labels that every task container of this platform has."""
    return ["marquee.task", f"marquee.platform={settings.marquee_platform}"]


def _read(text: str) -> dict[str, list[str]]:
    try:
        return FILTERS.validate_python(parse_json(text), strict=True)
    except ValidationError:
        raise Rejection("filters must be an object of lists of strings") from None
