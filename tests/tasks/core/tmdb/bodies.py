"""Bodies for tests of TMDB's parser: the sample, and the sample with something else in it."""

import json
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).parents[3] / "samples" / "tmdb"
MOVIE_ID = "tt70000042"
MOVIE = (SAMPLES / "movie.json").read_bytes().rstrip()
NOT_FOUND = (SAMPLES / "not_found.json").read_bytes().rstrip()
INVALID_KEY = (SAMPLES / "invalid_key.json").read_bytes().rstrip()
TOO_MANY = (SAMPLES / "too_many.json").read_bytes().rstrip()
CHANGES = (SAMPLES / "changes.json").read_bytes().rstrip()
HTML = b"<!DOCTYPE html><html><head><title>Gateway</title></head><body>Please log in</body></html>"


def with_fields(**changed: Any) -> bytes:
    """The sample movie's body with fields replaced."""
    return json.dumps(json.loads(MOVIE) | changed).encode()


def without(*names: str) -> bytes:
    return json.dumps({name: value for name, value in json.loads(MOVIE).items() if name not in names}).encode()
