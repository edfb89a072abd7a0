"""Counts the requests by the test that made them and by their outcome; the report's figures come from here."""

import os
from collections import Counter

USUAL_REQUESTS = 3000
SHARES = {"schemathesis": 0.2, "requests": 0.55, "bytes": 0.25, "grpc": 0.2, "grpc bytes": 0.02}
"""Of FUZZ_REQUESTS; the parts over HTTP make it up, gRPC comes on top."""
OVER_HTTP = ("schemathesis", "requests", "bytes")

asked = int(os.environ.get("FUZZ_REQUESTS") or 0)
"""0: a short run, of the same requests each time."""
seen: Counter[tuple[str, str]] = Counter()
"""(part, status) -> answers."""


def share(part: str) -> int:
    """As many requests this part shall make at least."""
    return round((asked or USUAL_REQUESTS) * SHARES[part])


def note(part: str, status: object) -> None:
    """Count one request that was made and answered."""
    seen[part, str(status)] += 1


def made(*parts: str) -> int:
    return sum(count for (part, _), count in seen.items() if part in parts)


def describe() -> list[str]:
    """A line for each part that did something, and one for all that went over HTTP."""
    lines = []
    for part in SHARES:
        statuses = sorted((status, count) for (other, status), count in seen.items() if other == part)
        if statuses:
            lines.append(f"{part}: {made(part)}: " + ", ".join(f"{count} {status}" for status, count in statuses))
    return [*lines, f"over HTTP: {made(*OVER_HTTP)}"] if lines else []
