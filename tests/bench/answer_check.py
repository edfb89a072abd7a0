"""Checks of one answer of /predict: it is about the requested movie, and its body and headers name the same source."""

import re
from typing import NamedTuple

import orjson

LABELS, OTHER_MOVIE = "labels differ", "another movie"
_SOURCE = re.compile(rb"\r\nx-feature-source: *([^\r]*)")


class CheckedAnswer(NamedTuple):
    """The content of an answer, and its fault, '' for none."""

    source: str
    version: str
    rating: object
    fault: str


NO_ANSWER = CheckedAnswer("", "", "", "")


def check_answer(status: int, head: bytes, body: bytes, movie: str) -> CheckedAnswer:
    """Check one answer; `head` is in lower case. A 200 must be labelled consistently, a 503 must have Retry-After."""
    try:
        fields = orjson.loads(body)
        if status != 200:
            labelled = status != 503 or b"\r\nretry-after: " in head
            return CheckedAnswer(fields["reason"], "", "", "" if labelled else LABELS)
        source = fields["feature_source"]
        header = _SOURCE.search(head)
        agree = header is not None and header[1].decode() == source and fields["degraded"] == (source == "prediction_set")
        agree = agree and (source == "prediction_set" or fields["stale"] == (source == "stale"))
        fault = OTHER_MOVIE if fields["movie_id"] != movie else "" if agree else LABELS
        return CheckedAnswer(source, fields["model"]["version"], fields["rating"], fault)
    except (ValueError, KeyError, TypeError):
        return NO_ANSWER._replace(fault=LABELS)
