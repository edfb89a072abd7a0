"""The world's day, kept in one small file, and the world that is served: one day at a time, its files written when asked for."""

import json
import logging
import os
import shutil
import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from infra.sources.sample_imdb import HEADERS
from infra.sources.world.history import tell
from infra.sources.world.timeline import UNEVENTFUL, Timeline, parse_changes
from infra.sources.world.world import FIRST_DAY, World, WorldDay

log = logging.getLogger("sources")

LONGEST_STEP = 3_660
"""Days that the world moves at once, at most, so that a mistyped year does not cost a generation of movies."""


class WrongMove(Exception):
    """Error for a day that the world cannot move to; the message gives the reason."""


@dataclass(frozen=True)
class State:
    """The content of the file: the day, and the scenarios from the first one on."""

    day: date
    timeline: Timeline


def read_state(path: Path, today: date) -> State:
    """Return the state of the file; without a file, the world begins today. A damaged file is set aside, and this is logged."""
    if path.exists():
        try:
            fields = json.loads(path.read_text())
            return State(date.fromisoformat(fields["day"]), parse_changes(fields["scenarios"]))
        except (ValueError, TypeError, KeyError) as error:
            aside = path.replace(path.with_suffix(".damaged"))
            log.error("the world's day is lost: %s is kept as %s (%s); the world begins again", path, aside, error)
    return State(max(today, FIRST_DAY), UNEVENTFUL)


def write_state(path: Path, state: State) -> None:
    """Write the file atomically, and flush it to the disk before it is renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w") as file:
        json.dump({"day": f"{state.day}", "scenarios": [str(change) for change in state.timeline.changes]}, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


class ServedWorld:
    """The world of one platform. The movies are made when they are first asked for; all methods may be called in threads."""

    def __init__(self, folder: Path, movies: int, seed: int, scenario: str) -> None:
        self._path, self._files = folder / "world.json", folder / "files"
        self._movies, self._seed = movies, seed
        state = read_state(self._path, datetime.now(UTC).date())
        # From tomorrow on, so that the bytes of a day that was read already stay as they were.
        self._state = State(state.day, state.timeline.with_change(state.day + timedelta(1), scenario))
        write_state(self._path, self._state)
        shutil.rmtree(self._files, ignore_errors=True)
        self._lock = threading.RLock()
        self._world: World | None = None
        self._day: WorldDay | None = None

    def describe(self) -> dict[str, object]:
        """Return the state as JSON values."""
        scenarios = [str(change) for change in self._state.timeline.changes]
        return {"day": f"{self._state.day}", "seed": self._seed, "movies": self._movies, "scenarios": scenarios}

    def today(self) -> WorldDay:
        """Return the world on its day. The first call, and the first one on a day, take seconds."""
        if (held := self.today_if_made()) is not None:
            return held
        with self._lock:
            if self._world is None:
                self._world = World(self._seed, self._movies, self._state.timeline)
            if self._day is None or self._day.day != self._state.day:
                self._day = self._world.day(self._state.day)
            return self._day

    def today_if_made(self) -> WorldDay | None:
        """Return the world on its day without waiting; None if it is not made yet."""
        held = self._day
        return held if held is not None and held.day == self._state.day else None

    def move(self, day: date) -> str:
        """Make this the world's day, and return what happened since the day before; the same day again changes nothing.

        Raise WrongMove for a day before the world's, or far after it.
        """
        with self._lock:
            held = self._state.day
            if not held <= day <= held + timedelta(LONGEST_STEP):
                raise WrongMove(
                    f"the world's day is {held}: it moves on to a later one, at most {LONGEST_STEP} days later, not to {day}"
                )
            before = self.today()
            self._state = State(day, self._state.timeline)
            write_state(self._path, self._state)
            after = self.today()
            return tell(before.entries, after.entries, held, day)

    def find_file(self, name: str) -> Path:
        """Return the path of one of IMDb's files of the world's day, and write it if it is not there yet.

        The path of a file that the world does not have does not exist.
        """
        with self._lock:
            today = self.today()
            folder = self._files / f"{today.day}"
            path = folder / name
            if name in HEADERS and not path.exists():
                if not folder.exists():
                    shutil.rmtree(self._files, ignore_errors=True)
                    folder.mkdir(parents=True)
                part = path.with_suffix(".part")
                part.write_bytes(today.render_imdb(name))
                seconds = datetime.combine(today.day, time(1), UTC).timestamp()  # IMDb publishes its files at night
                os.utime(part, (seconds, seconds))
                part.replace(path)
            return path
