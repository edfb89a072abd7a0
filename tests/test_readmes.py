"""The READMEs: every link leads somewhere, every console block says where it is run, and is run there."""

import re
from pathlib import Path

import pytest

from serving.access import rejections
from serving.process.http_protocol import QUIET_SECONDS
from serving.process.limited_protocol import RAW_BYTES, STUCK_SECONDS
from serving.process.worker_pipe import DRAIN_SECONDS
from tests.examples import GAP, MARKER, READMES, ROOT, Example, all_examples, check_answer

RUN_BY = {
    "make up": "tests/e2e/test_platform.py",
    "make test": ".ci/run",
    '.marquee/bin/marquee rollback --reason "ratings of documentaries are off"': "tests/e2e/test_platform.py",
    ".marquee/bin/marquee day +30": "tests/bench/scenarios/world.py",
    "make up ARGS=--docker": "tests/containers/conftest.py",
    **dict.fromkeys(
        ("make secrets", "sh infra/images/build.sh", "docker compose up --detach", "make run DAG=refresh_movies"),
        "tests/containers/test_the_way_by_hand.py",
    ),
}
"""Commands that no test can run against a platform that is up, and what runs them instead."""


@pytest.mark.parametrize("readme", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_or_folder(readme: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", readme.read_text()) if "://" not in link]
    assert [link for link in links if not (readme.parent / link).exists()] == []


@pytest.mark.parametrize("readme", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_that_a_diagram_names_exists(readme: Path) -> None:
    diagrams = "".join(re.findall(r"```mermaid\n(.*?)```", readme.read_text(), re.DOTALL))
    named = re.findall(r"[\w/]+\.(?:py|sh|yml)\b", diagrams)
    assert [name for name in named if not (readme.parent / name).exists()] == []


def test_every_word_of_the_glossary_links_to_its_code() -> None:
    glossary = (ROOT / "README.md").read_text().partition("## Glossary")[2].partition("\n## ")[0]
    rows = [line for line in glossary.splitlines() if line.startswith("| ")][2:]
    assert len(rows) > 30
    assert [row for row in rows if "](" not in row] == []


def test_the_limits_of_the_api_are_those_of_the_code() -> None:
    """The README writes 8 KB for 8 * 1024 bytes."""
    table = (ROOT / "serving" / "README.md").read_text().partition("## Limits")[2].partition("\n## ")[0]
    values = {cells[1].strip(): cells[2].strip() for line in table.splitlines() if len(cells := line.split("|")) > 3}
    head = f"{rejections.HEAD_BYTES // 1024} KB"
    assert values["address; all headers; number of headers"] == f"{head}; {head}; {rejections.MAX_HEADERS}"
    body, framed = rejections.BODY_BYTES // 1024, RAW_BYTES // 1024**2
    assert values["body"] == f"{body} KB, and {framed} MB with its framing"
    assert values["time for a request to arrive"] == f"{rejections.ARRIVAL_SECONDS} s"
    assert values["time for a caller to read an answer"] == f"{STUCK_SECONDS} s"
    drain = values["drain: no request fails when a process ends"]
    assert re.findall(r"\d+ s", drain) == [f"{DRAIN_SECONDS} s", f"{QUIET_SECONDS} s"]


@pytest.mark.parametrize("readme", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_console_block_has_a_marker(readme: Path) -> None:
    """Commands stand in console blocks alone, so that none is left out."""
    text = readme.read_text()
    assert text.count("```console") == len(MARKER.findall(text))
    assert re.findall(r"(?m)^\s*```(?:sh|bash|shell)\b", text) == []


@pytest.mark.parametrize("example", all_examples("fixture") + all_examples("containers"), ids=str)
def test_a_command_that_the_session_runs_itself_is_run_somewhere(example: Example) -> None:
    assert (ROOT / RUN_BY[example.command]).exists()


@pytest.mark.parametrize("example", all_examples("platform"), ids=str)
def test_an_example_promises_words_that_can_be_checked(example: Example) -> None:
    assert set(example.promised) - set(GAP + "\n ")


@pytest.mark.parametrize(
    ("printed", "promised", "holds"),
    [
        ("ready in 4.2 s", "ready in 9 s", True),
        ("one two three", "one…three", True),
        ("one two", "one…three", False),
        ('{"a": {"reason": "x"}}', '{…"reason":"x"…}', True),
        ('{"a": {"reason": "y"}}', '{…"reason":"x"…}', False),
        ('{"rating": 5}', '{"rating":6.1}', True),
        ("{}", '{"rating":6.1}', False),
    ],
)
def test_an_answer_is_held_to_what_was_promised(printed: str, promised: str, holds: bool) -> None:
    if holds:
        check_answer(printed, promised)
    else:
        with pytest.raises(AssertionError):
            check_answer(printed, promised)
