"""The `filters` parameter of the two lists, forced to what is ours."""

import re

from pydantic import TypeAdapter, ValidationError

from infra.docker_filter.errors import Refusal
from infra.docker_filter.settings import Settings
from infra.docker_filter.strict_json import parse_json

FILTERS = TypeAdapter(dict[str, list[str]])
LABEL = re.compile(r"marquee\.(task|platform|dag|run|try)(=[^\x00-\x1f]{0,250})?")
STATES = {"created", "running", "paused", "restarting", "removing", "exited", "dead"}


def force_image(given: str, settings: Settings) -> dict[str, list[str]]:
    """Only the tasks' image is ever listed; being asked for another is an error of the caller's settings, so it is told."""
    ours = {"reference": [settings.tasks_image]}
    if _read(given) not in ({}, ours):
        raise Refusal(f"only the image {settings.tasks_image} may be looked up")
    return ours


def force_platform(given: str, settings: Settings) -> dict[str, list[str]]:
    """Only this platform's tasks are listed; what the client asks for narrows that, since the engine wants all labels at once."""
    wanted = _read(given)
    if not wanted.keys() <= {"label", "status"}:
        raise Refusal("containers may be filtered by label and status alone")
    labels, states = wanted.get("label", []), wanted.get("status", [])
    if not all(LABEL.fullmatch(label) for label in labels):
        raise Refusal("the labels to filter by are marquee.task, marquee.platform, marquee.dag, marquee.run and marquee.try")
    if not STATES.issuperset(states):
        raise Refusal(f"the states to filter by are {', '.join(sorted(STATES))}")
    ours = ["marquee.task", f"marquee.platform={settings.marquee_platform}"]
    return {"label": [*labels, *ours]} | ({"status": states} if states else {})


def _read(given: str) -> dict[str, list[str]]:
    try:
        return FILTERS.validate_python(parse_json(given), strict=True)
    except ValidationError:
        raise Refusal("filters must be an object of lists of texts") from None
