"""Reads the fields of a TMDB answer one by one: an invalid value becomes null, and the name of its field is recorded."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any, TypeVar

T = TypeVar("T")

UNSTORABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
"""Control characters and halves of surrogate pairs: JSON can write them, Postgres cannot store them."""
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
NUMBER = re.compile(r"-?\d{1,19}", re.ASCII)
LANGUAGE = re.compile(r"[a-z]{2,3}")


class Fields:
    """One JSON object. `dropped` names the fields with a value that TMDB does not document; absent and null are documented."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values
        self.dropped: list[str] = []

    def text(self, name: str) -> str | None:
        """Return the text without characters that cannot be stored; None for "" and null, which TMDB writes for unknown."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            return self._record_none(name, None)
        return UNSTORABLE.sub("", value).strip() or None

    def language(self, name: str) -> str | None:
        """Return an ISO 639 code; None for `xx`, which TMDB writes for unknown."""
        value = self.text(name)
        if value is None or value == "xx":
            return None
        return self._record_none(name, value if LANGUAGE.fullmatch(value) else None)

    def integer(self, name: str, low: int, high: int) -> int | None:
        """Return a whole number from `low` to `high`, also one that is written as text or with a decimal point."""
        value = self._values.get(name)
        if isinstance(value, str) and NUMBER.fullmatch(value):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if value is None:
            return None
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return self._record_none(name, value if is_whole and low <= value <= high else None)

    def positive(self, name: str, high: int) -> int | None:
        """Return a whole number from 1 to `high`; None for 0, which TMDB writes for unknown."""
        return self.integer(name, 0, high) or None

    def real(self, name: str, high: float) -> float | None:
        """Return a finite number from 0 to `high`."""
        value = self._values.get(name)
        if value is None:
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        # Python's json reads NaN and Infinity, which JSON does not have; both fail this comparison.
        return self._record_none(name, float(value) if is_number and 0 <= value <= high else None)

    def flag(self, name: str) -> bool | None:
        value = self._values.get(name)
        return value if value is None else self._record_none(name, value if isinstance(value, bool) else None)

    def day(self, name: str) -> date | None:
        """Return a day from 1870 to 2200, written YYYY-MM-DD; None for "", which TMDB writes for unknown."""
        value = self.text(name)
        if value is None:
            return None
        try:
            day = date.fromisoformat(value) if DAY.fullmatch(value) else None
        except ValueError:
            day = None
        return self._record_none(name, day if day is not None and 1870 <= day.year <= 2200 else None)

    def items(self, name: str) -> list[Any]:
        value = self._values.get(name)
        return [] if value is None else self._record_none(name, value if isinstance(value, list) else None) or []

    def names(self, name: str, key: str) -> list[str]:
        """Return the texts under `key` of objects such as `{"id": 18, "name": "Drama"}`, each once, in TMDB's order."""
        return list(dict.fromkeys(self._texts(name, key)))

    def inner(self, name: str) -> "Fields":
        """Return an object inside this one; its dropped fields are recorded here too."""
        value = self._values.get(name)
        if value is not None:
            value = self._record_none(name, value if isinstance(value, dict) else None)
        inner = Fields(value or {})
        inner.dropped = self.dropped
        return inner

    def _texts(self, name: str, key: str) -> Iterator[str]:
        for item in self.items(name):
            text = item.get(key) if isinstance(item, dict) else None
            clean = UNSTORABLE.sub("", text).strip() if isinstance(text, str) else ""
            if self._record_none(name, clean or None):
                yield clean

    def _record_none(self, name: str, value: T | None) -> T | None:
        """Return the value; record the name as dropped if the value is None."""
        if value is None:
            self.dropped.append(name)
        return value
