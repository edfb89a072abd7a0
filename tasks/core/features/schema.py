"""The identity of a feature service's schema: the names and types of its features."""

import hashlib
import json
from collections.abc import Iterable


def compute_schema_hash(fields: Iterable[tuple[str, str]]) -> str:
    """Return the sha256, in hex, of the fields as compact JSON, sorted by name: their order does not count.

    fields: name and type of each, the type by Feast's name.
    """
    ordered = sorted([name, dtype] for name, dtype in fields)
    return hashlib.sha256(json.dumps(ordered, separators=(",", ":")).encode()).hexdigest()
