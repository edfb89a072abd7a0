"""Whether the store is worth asking: after some failures in a row, requests no longer wait for a deadline that will pass."""

FAILURES = 5
"""In a row, before requests stop asking; the follower of the pointer asks on, and its first answer closes the breaker."""


class Breaker:
    """Counts failures in a row; no timer of its own."""

    def __init__(self) -> None:
        self._failures = 0

    @property
    def is_open(self) -> bool:
        return self._failures >= FAILURES

    def note_failure(self) -> None:
        self._failures += 1

    def note_answer(self) -> None:
        self._failures = 0
