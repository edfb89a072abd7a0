"""The source of the movies: the sample, a folder, or the live sources. One platform never mixes two sources."""

import subprocess
from functools import partial
from pathlib import Path

from infra.local.supervision.service import Service
from infra.platform.connections import check_url
from infra.platform.endpoints import Endpoint
from infra.platform.errors import StackError
from infra.platform.layout import REPOSITORY, read_state, write_state
from infra.platform.settings import Settings

REQUIRED = (
    *(f"imdb/title.{name}.tsv.gz" for name in ("basics", "ratings", "crew", "principals")),
    *("imdb/name.basics.tsv.gz", "tmdb/movies.jsonl.gz"),
)
"""Files that a source folder must contain; `tmdb/changes.jsonl` is optional."""


def source_folder(settings: Settings) -> Path:
    """Return the folder to serve."""
    if settings.sources == "sample":
        return settings.layout.data / "sample"
    folder = Path(settings.sources).expanduser()
    return folder if folder.is_absolute() else REPOSITORY / folder


def identify_source(settings: Settings) -> str:
    """Return the text that identifies the source of this platform's data."""
    if settings.sources == "sample":
        return f"sample of {settings.sample_films} films"  # existing platforms have recorded this text
    return settings.sources if settings.sources == "live" else str(source_folder(settings).resolve())


def check_source(settings: Settings, record: Path) -> None:
    """Raise StackError if the folder lacks required files, or if the platform holds data of another source."""
    if settings.sources not in {"sample", "live"}:
        folder = source_folder(settings)
        missing = [name for name in REQUIRED if not (folder / name).is_file()]
        if missing:
            fault = "does not exist" if not folder.is_dir() else f"lacks {', '.join(missing)}"
            raise StackError(
                f"SOURCES={settings.sources}: the folder {folder} {fault}. Give `sample`, `live`, or a folder of their files."
            )
    held, asked = read_state(record), identify_source(settings)
    if held and held != asked:
        raise StackError(
            f"This platform holds data of another source ({held}, not {asked}): `make reset` removes them, then start again."
        )
    write_state(record, asked)


def describe_source(settings: Settings) -> str:
    """Return the source as one line of text."""
    if settings.sources == "live":
        tmdb = "and TMDB's API" if settings.tmdb_access_token else "alone: without TMDB_ACCESS_TOKEN, TMDB is not used"
        return f"live: IMDb's files {tmdb}"
    return f"{identify_source(settings)}, served on 127.0.0.1:{settings.sources_port}"


def sources_service(settings: Settings, endpoint: Endpoint) -> Service:
    """Return the service of the local source server."""
    python, folder = str(settings.layout.python("local")), source_folder(settings)
    return Service(
        name="sources",
        argv=(python, "-m", "infra.sources.server", "--folder", str(folder), "--port", str(endpoint.port)),
        check=partial(check_url, f"{endpoint.url}/healthz"),
        environment={"PYTHONPATH": str(REPOSITORY)},
        listens=(endpoint,),
        url=endpoint.url,
        directory=REPOSITORY,
        prepare=partial(make_sample, settings),
    )


def make_sample(settings: Settings) -> None:
    """Write the synthetic sample if that is the source; an existing sample is checked in a second."""
    if settings.sources != "sample":
        return
    command = [str(settings.layout.python("local")), "-m", "infra.sources.sample", "--folder", str(source_folder(settings))]
    done = subprocess.run(
        [*command, "--movies", str(settings.sample_films)], capture_output=True, text=True, check=False, cwd=REPOSITORY
    )
    if done.returncode:
        raise StackError(f"The sample could not be made: {done.stderr.strip().splitlines()[-1]}")
