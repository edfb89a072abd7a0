"""Fields of a TMDB answer read one by one: a value of the wrong kind becomes null, and its name is remembered."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any, TypeVar

T = TypeVar("T")

UNSTORABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
"""Control characters and halves of surrogate pairs: JSON can spell them, Postgres cannot hold them."""
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
NUMBER = re.compile(r"-?\d{1,19}", re.ASCII)
LANGUAGE = re.compile(r"[a-z]{2,3}")


class Fields:
    """One JSON object. `dropped` names the fields whose value could not be what TMDB documents; absent and null are no drift."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values
        self.dropped: list[str] = []

    def text(self, name: str) -> str | None:
        """Text as it stands, without what cannot be stored; TMDB writes unknown as "" or null."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            return self._kept(name, None)
        return UNSTORABLE.sub("", value).strip() or None

    def language(self, name: str) -> str | None:
        """ISO 639; `xx` is TMDB's word for unknown."""
        value = self.text(name)
        if value is None or value == "xx":
            return None
        return self._kept(name, value if LANGUAGE.fullmatch(value) else None)

    def integer(self, name: str, low: int, high: int) -> int | None:
        value = self._values.get(name)
        if isinstance(value, str) and NUMBER.fullmatch(value):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if value is None:
            return None
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return self._kept(name, value if is_whole and low <= value <= high else None)

    def positive(self, name: str, high: int) -> int | None:
        """A count or sum of which TMDB writes 0 when it does not know."""
        return self.integer(name, 0, high) or None

    def real(self, name: str, high: float) -> float | None:
        """A finite number from 0 to `high`."""
        value = self._values.get(name)
        if value is None:
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        # NaN, which json reads though JSON has none, fails the comparison; so does Infinity.
        return self._kept(name, float(value) if is_number and 0 <= value <= high else None)

    def flag(self, name: str) -> bool | None:
        value = self._values.get(name)
        return value if value is None else self._kept(name, value if isinstance(value, bool) else None)

    def day(self, name: str) -> date | None:
        """YYYY-MM-DD of the age of film; TMDB writes unknown as ""."""
        value = self.text(name)
        if value is None:
            return None
        try:
            day = date.fromisoformat(value) if DAY.fullmatch(value) else None
        except ValueError:
            day = None
        return self._kept(name, day if day is not None and 1870 <= day.year <= 2200 else None)

    def items(self, name: str) -> list[Any]:
        value = self._values.get(name)
        return [] if value is None else self._kept(name, value if isinstance(value, list) else None) or []

    def names(self, name: str, key: str) -> list[str]:
        """`[{"id": 18, "name": "Drama"}, …]` -> the texts under `key`, each once, in TMDB's order."""
        return list(dict.fromkeys(self._texts(name, key)))

    def inner(self, name: str) -> "Fields":
        """An object inside this one; what it drops is remembered here too."""
        value = self._values.get(name)
        if value is not None:
            value = self._kept(name, value if isinstance(value, dict) else None)
        inner = Fields(value or {})
        inner.dropped = self.dropped
        return inner

    def _texts(self, name: str, key: str) -> Iterator[str]:
        for item in self.items(name):
            text = item.get(key) if isinstance(item, dict) else None
            clean = UNSTORABLE.sub("", text).strip() if isinstance(text, str) else ""
            if self._kept(name, clean or None):
                yield clean

    def _kept(self, name: str, value: T | None) -> T | None:
        if value is None:
            self.dropped.append(name)
        return value
