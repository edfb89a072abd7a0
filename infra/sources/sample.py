"""Writes one day of the sample's world as a source folder, because IMDb's files may not be redistributed.

    python -m infra.sources.sample --folder FOLDER [--movies 20000] [--seed 1] [--day 2026-06-30] [--scenario drift@2026-12-01]

Ratings depend on people, genres, budget, length, era and chance (sample_movies.py), so a model has something to learn. Titles
and people are synthetic; their ids are in ranges that IMDb and TMDB do not use (tt70000000, nm70000000). The same arguments
and code give the same bytes, and a folder that already holds them is not changed.
"""

import argparse
import hashlib
import json
import shutil
import tempfile
from datetime import date
from pathlib import Path

from infra.sources.world.timeline import UNEVENTFUL, Timeline, parse_changes
from infra.sources.world.world import FIRST_DAY, World

MARKER = "sample.json"
"""File that is written last. A folder that contains it is complete."""


def write_sample(folder: Path, movies: int, seed: int, day: date = FIRST_DAY, timeline: Timeline = UNEVENTFUL) -> bool:
    """Write the sample. Return False if the folder already holds it. Raise FileExistsError if the folder holds other files."""
    scenarios = [str(change) for change in timeline.changes]
    identity = {"movies": movies, "seed": seed, "day": f"{day}", "scenarios": scenarios, "code": _hash_code()}
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARKER).is_file():
            raise FileExistsError(f"{folder} has files that are not a sample; choose another folder")
        if json.loads((folder / MARKER).read_text()) == identity:
            return False
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        building.chmod(0o755)
        World(seed, movies, timeline).day(day).write(building)
        (building / MARKER).write_text(json.dumps(identity) + "\n")
        if folder.exists():
            shutil.rmtree(folder)
        building.rename(folder)
    except BaseException:
        shutil.rmtree(building)
        raise
    return True


def _hash_code() -> str:
    """Return a digest of the generator's source files, which identifies its version."""
    here = Path(__file__).parent
    files = [*sorted(here.glob("sample*.py")), *sorted(here.glob("world/*.py")), here / "tmdb_api.py"]
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m infra.sources.sample", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--movies", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--day", type=date.fromisoformat, default=FIRST_DAY)
    parser.add_argument("--scenario", action="append", default=[], help="name@day from which it acts; may be repeated")
    arguments = parser.parse_args()
    try:
        write_sample(arguments.folder, arguments.movies, arguments.seed, arguments.day, parse_changes(arguments.scenario))
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
