"""What one answer of /predict says, and whether it is what was asked and labelled as it must be."""

import re
from typing import NamedTuple

import orjson

LABELS, OTHER_FILM = "labels differ", "another film"
_SOURCE = re.compile(rb"\r\nx-feature-source: *([^\r]*)")


class Verdict(NamedTuple):
    """What an answer says, and what is wrong with it, or ''."""

    source: str
    version: str
    rating: object
    fault: str


NOTHING = Verdict("", "", "", "")


def judge(status: int, head: bytes, body: bytes, movie: str) -> Verdict:
    """Read one answer; head in lower case. A 200 is a prediction that agrees with its labels, a 503 says why and when again."""
    try:
        said = orjson.loads(body)
        if status != 200:
            labelled = status != 503 or b"\r\nretry-after: " in head
            return Verdict(said["reason"], "", "", "" if labelled else LABELS)
        source = said["feature_source"]
        header = _SOURCE.search(head)
        right = header is not None and header[1].decode() == source and said["degraded"] == (source == "snapshot")
        right = right and (source == "snapshot" or said["stale"] == (source == "stale"))
        fault = OTHER_FILM if said["movie_id"] != movie else "" if right else LABELS
        return Verdict(source, said["model"]["version"], said["rating"], fault)
    except (ValueError, KeyError, TypeError):
        return NOTHING._replace(fault=LABELS)
