"""The identity of what a feature service holds: the names and types of its features."""

import hashlib
import json
from collections.abc import Iterable


def compute_schema_hash(fields: Iterable[tuple[str, str]]) -> str:
    """sha256, as hex, of the fields (name, Feast's name of the type) as compact JSON, by name: their order does not count."""
    ordered = sorted([name, dtype] for name, dtype in fields)
    return hashlib.sha256(json.dumps(ordered, separators=(",", ":")).encode()).hexdigest()
