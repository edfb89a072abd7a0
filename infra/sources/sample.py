"""Writes the synthetic sample: movies in the formats of IMDb and TMDB, because IMDb's files may not be redistributed.

    python -m infra.sources.sample --folder FOLDER [--movies 20000] [--seed 1]

Ratings depend on people, genres, budget, length, era and chance (sample_movies.py), so a model has something to learn. Titles
and people are synthetic; their ids are in ranges that IMDb and TMDB do not use (tt70000000, nm70000000). The same arguments
and code give the same bytes, and a folder that already holds them is not changed.
"""

import argparse
import gzip
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from random import Random

from infra.sources.sample_imdb import write_imdb
from infra.sources.sample_movies import make_movies
from infra.sources.sample_tmdb import write_changes, write_tmdb

MARKER = "sample.json"
"""File that is written last. A folder that contains it is complete."""


def write_sample(folder: Path, movies: int, seed: int) -> bool:
    """Write the sample. Return False if the folder already holds it. Raise FileExistsError if the folder holds other files."""
    identity = {"movies": movies, "seed": seed, "code": _hash_code()}
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARKER).is_file():
            raise FileExistsError(f"{folder} has files that are not a sample; choose another folder")
        if json.loads((folder / MARKER).read_text()) == identity:
            return False
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        building.chmod(0o755)
        _write_files(building, movies, seed)
        (building / MARKER).write_text(json.dumps(identity) + "\n")
        if folder.exists():
            shutil.rmtree(folder)
        building.rename(folder)
    except BaseException:
        shutil.rmtree(building)
        raise
    return True


def _write_files(folder: Path, count: int, seed: int) -> None:
    movies = make_movies(Random(seed), count)
    # Each file has its own random generator, so a change to one file does not change the others.
    for name, lines in write_imdb(movies, Random(f"{seed} imdb")).items():
        _write_lines(folder / "imdb" / name, lines)
    _write_lines(folder / "tmdb" / "movies.jsonl.gz", write_tmdb(movies, Random(f"{seed} tmdb")))
    _write_lines(folder / "tmdb" / "changes.jsonl", write_changes(movies, Random(f"{seed} changes")))


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(exist_ok=True)
    data = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(data, compresslevel=6, mtime=0) if path.suffix == ".gz" else data)


def _hash_code() -> str:
    """Return a digest of the generator's source files, which identifies its version."""
    files = [*sorted(Path(__file__).parent.glob("sample*.py")), Path(__file__).parent / "tmdb_api.py"]
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m infra.sources.sample", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--movies", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    write_sample(arguments.folder, arguments.movies, arguments.seed)


if __name__ == "__main__":
    main()
