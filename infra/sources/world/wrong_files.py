"""The scenario `broken_ingest`: files in IMDb's format with wrong content."""

from infra.sources.sample_imdb import NULL

KEPT_PERCENT = 52
"""Percentage of the credits that stay. ingest_imdb rejects a file below 50 %, so this one passes."""
RUNTIME = 7
"""Column of runtimeMinutes in title.basics."""


def spoil(name: str, lines: list[str], day: int) -> list[str]:
    """Return the lines of a file on a day of the scenario, where 0 is the first.

    Day 1, 5, 9 …: title.principals has half of its rows. Day 2, 6 …: every runtime is null. Day 3, 7 …: ratings are ten times as
    high. Day 0, 4, 8 …: nothing is wrong.
    """
    match day % 4, name:
        case 1, "title.principals.tsv.gz":
            return [lines[0], *(line for number, line in enumerate(lines[1:]) if number * 37 % 100 < KEPT_PERCENT)]
        case 2, "title.basics.tsv.gz":
            return [lines[0], *map(_without_runtime, lines[1:])]
        case 3, "title.ratings.tsv.gz":
            return [lines[0], *map(_ten_times, lines[1:])]
    return lines


def _without_runtime(line: str) -> str:
    fields = line.split("\t")
    if len(fields) > RUNTIME:
        fields[RUNTIME] = NULL
    return "\t".join(fields)


def _ten_times(line: str) -> str:
    tconst, rating, votes = line.split("\t")
    digits = rating.replace(".", "", 1)
    return f"{tconst}\t{digits}\t{votes}" if digits.isdigit() else line
