"""The examples that the READMEs show: commands with the answers they promise, read from the Markdown itself."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
READMES = [ROOT / "README.md", *sorted(ROOT.glob("[!.]*/README.md")), *sorted(ROOT.glob("[!.]*/*/README.md"))]
MARKER = re.compile(r"<!-- example: (platform|containers|fixture) -->\n```console\n(.*?)```", re.DOTALL)
"""An example runs against a platform that is up, in containers, or in the test session itself (make up, make test)."""
GAP = "…"
"""Stands for anything in a promised answer."""
VOLATILE = {
    *("prediction_id", "request_id", "rating", "rating_as_it_is", "title", "version", "deployment"),
    *("feature_age_seconds", "features_as_of", "detail"),
}
"""Fields of an answer whose values change from platform to platform; all others are compared."""


@dataclass(frozen=True)
class Example:
    """One command and what it promises to print."""

    file: str
    where: str
    command: str
    promised: str

    def __str__(self) -> str:
        return f"{self.file}: {self.command}"


def read_examples(path: Path) -> Iterator[Example]:
    """Yield each `$ command` of the file's marked console blocks with the lines that follow it."""
    for where, block in MARKER.findall(path.read_text()):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, promised = part.partition("\n")
            yield Example(str(path.relative_to(ROOT)), where, command.strip(), promised.strip())


def all_examples(where: str) -> list[Example]:
    """Return the examples of every README that are run there."""
    return [example for path in READMES for example in read_examples(path) if example.where == where]


def read_promise(command: str) -> str:
    """Return the longest output that the READMEs promise for this command, wherever it is run."""
    examples = [example for path in READMES for example in read_examples(path)]
    return max((example.promised for example in examples if example.command == command), key=len)


def check_answer(printed: str, promised: str) -> None:
    """Raise AssertionError unless the output is what was promised: JSON by its fields, other text by its words."""
    if promised.startswith("{"):
        check_json(json.loads(printed), promised)
        return
    printed = re.sub(r"[ \t]+$", "", printed, flags=re.MULTILINE)  # tables are padded
    words = [re.escape(word) for word in promised.split(GAP)]
    pattern = ".*".join(re.sub(r"\d+(?:\\?[.,:]\d+)*", r"[\\d.,:]+", word) for word in words)
    assert re.search(pattern, printed, re.DOTALL), f"promised:\n{promised}\nprinted:\n{printed}"


def check_json(answer: Any, promised: str) -> None:
    """Raise AssertionError unless each promised field is in the answer, with the promised value where that is stable."""
    fields = collect_fields(answer)
    for name, value in re.findall(r'"(\w+)":("[^"]*"|[-\w.]+)?', promised):
        assert name in fields, f"{name} was promised, but the answer has {sorted(fields)}"
        if value and GAP not in value and name not in VOLATILE:
            assert json.loads(value) in fields[name], f"{name}: {value} was promised, the answer has {fields[name]}"


def collect_fields(answer: Any) -> dict[str, list[Any]]:
    """Return every value that each field has, at any depth."""
    found: dict[str, list[Any]] = {}
    entries = answer.items() if isinstance(answer, dict) else enumerate(answer) if isinstance(answer, list) else ()
    for name, value in entries:
        if isinstance(name, str):
            found.setdefault(name, []).append(value)
        for inner, values in collect_fields(value).items():
            found.setdefault(inner, []).extend(values)
    return found
