"""The services as the files under infra/compose write them, each with what it extends."""

from typing import Any

import yaml

from infra.platform.layout import REPOSITORY

FOLDER = REPOSITORY / "infra" / "compose"
COMMON = "hardened.yml"


def read_services() -> dict[str, dict[str, Any]]:
    """Return name -> body. A key that a service writes itself stands for that of what it extends."""
    common = yaml.safe_load((FOLDER / COMMON).read_text())["services"]

    def resolve(body: dict[str, Any]) -> dict[str, Any]:
        extended = body.get("extends")
        if extended is None:
            return body
        return {**resolve(common[extended if isinstance(extended, str) else extended["service"]]), **body}

    files = [path for path in sorted(FOLDER.glob("*.yml")) if path.name != COMMON]
    return {name: resolve(body) for path in files for name, body in yaml.safe_load(path.read_text())["services"].items()}
