"""Recorded TMDB answers, from ../shared/data where that exists; they are not ours to keep in the project."""

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RECORDINGS = Path(__file__).parents[2] / "shared" / "data" / "recordings.tar.xz"


@dataclass(frozen=True)
class Recording:
    path: str
    params: dict[str, str]
    status: int
    body: bytes


def read_recordings() -> list[Recording]:
    """Every WireMock mapping of a GET under /3."""
    with tarfile.open(RECORDINGS) as archive:
        return list(_read_mappings(archive))


def _read_mappings(archive: tarfile.TarFile) -> Iterator[Recording]:
    for member in archive:
        if "/mappings/" not in member.name or not member.name.endswith(".json"):
            continue
        file = archive.extractfile(member)
        mapping: dict[str, Any] = json.loads(file.read()) if file else {}
        request, response = mapping["Request"], mapping["Response"]
        body = response.get("BodyAsJson", response.get("Body"))
        if request.get("Methods") != ["GET"] or body is None:
            continue
        params = {one["Name"]: one["Matchers"][0]["Pattern"] for one in request.get("Params", [])}
        raw = body.encode() if isinstance(body, str) else json.dumps(body, ensure_ascii=False).encode()
        yield Recording(request["Path"]["Matchers"][0]["Pattern"], params, response["StatusCode"], raw)
