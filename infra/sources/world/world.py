"""The sample's world: what IMDb and TMDB have on its day. A pure function of seed, size, scenarios and day."""

import gzip
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

from infra.sources.sample_imdb import HEADERS, ImdbWriter
from infra.sources.sample_movies import TODAY
from infra.sources.sample_tmdb import BROKEN, render_body
from infra.sources.world.catalogue import Catalogue, Entry
from infra.sources.world.history import list_changes
from infra.sources.world.timeline import Timeline
from infra.sources.world.wrong_files import spoil

FIRST_DAY = TODAY
"""The first day that the world has."""


class World:
    """One world. It keeps what is the same on every day, so that a new day takes a second and not a generation."""

    def __init__(self, seed: int, movies: int, timeline: Timeline) -> None:
        self.seed, self.movies, self.timeline = seed, movies, timeline
        self._catalogue = Catalogue(seed, movies, timeline)
        self._writer = ImdbWriter(seed, movies)
        known = (entry.movie.tconst for entry in self._catalogue.announced_until(FIRST_DAY) if entry.life.is_known_to_tmdb)
        self._broken = dict(zip(known, BROKEN, strict=False))

    def day(self, day: date) -> "WorldDay":
        """Return the world on a day. Raise ValueError for a day before the world began."""
        if day < FIRST_DAY:
            raise ValueError(f"the sample's world begins on {FIRST_DAY}; it has no {day}")
        return WorldDay(self, day)


class WorldDay:
    """The content of the sources on one day."""

    def __init__(self, world: World, day: date) -> None:
        self._world, self.day = world, day
        self.entries: list[Entry] = world._catalogue.entries_on(day)

    @cached_property
    def by_imdb_id(self) -> dict[str, Entry]:
        """Return the movies that TMDB knows, by IMDb id."""
        return {entry.movie.tconst: entry for entry in self.entries if entry.life.is_known_to_tmdb}

    @cached_property
    def by_tmdb_id(self) -> dict[int, Entry]:
        """Return the movies that TMDB knows, by TMDB id."""
        return {entry.movie.tmdb_id: entry for entry in self.by_imdb_id.values()}

    def render_tmdb(self, entry: Entry) -> bytes:
        """Return TMDB's answer about a movie of this day."""
        movie = entry.movie
        return render_body(movie, self.day, self._world.seed, self._world._broken.get(movie.tconst, {}))

    def list_changes(self, start: date, end: date) -> Iterator[tuple[date, int]]:
        """Yield (day, TMDB id) for what changed at TMDB from `start` to `end`, or to this day if that is earlier."""
        return list_changes(self._world._catalogue.announced_until(self.day), start, min(end, self.day))

    def render_imdb(self, name: str) -> bytes:
        """Return one of IMDb's files: gzipped lines."""
        lines = self._world._writer.write(name, [entry.movie for entry in self.entries])
        timeline = self._world.timeline
        if timeline.scenario_on(self.day) == "broken_ingest":
            lines = spoil(name, lines, (self.day - (timeline.since(self.day) or self.day)).days)
        return gzip.compress("".join(f"{line}\n" for line in lines).encode(), compresslevel=6, mtime=0)

    def write(self, folder: Path) -> None:
        """Write the day as a source folder: imdb/*.tsv.gz, tmdb/movies.jsonl.gz and tmdb/changes.jsonl of two weeks."""
        for part in ("imdb", "tmdb"):
            (folder / part).mkdir(parents=True)
        for name in HEADERS:
            (folder / "imdb" / name).write_bytes(self.render_imdb(name))
        bodies = b"".join(self.render_tmdb(entry) + b"\n" for entry in self.by_imdb_id.values())
        (folder / "tmdb" / "movies.jsonl.gz").write_bytes(gzip.compress(bodies, compresslevel=6, mtime=0))
        changes = self.list_changes(self.day - timedelta(days=13), self.day)
        rows = (f'{{"id": {tmdb_id}, "date": "{day}"}}\n' for day, tmdb_id in changes)
        (folder / "tmdb" / "changes.jsonl").write_text("".join(rows))
