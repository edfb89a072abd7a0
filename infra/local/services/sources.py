"""The source of the movies: the sample, a folder, or the live sources. One platform never mixes two sources."""

import shutil
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
    """Return the folder to serve. For the sample it holds the world's day."""
    if settings.sources == "sample":
        return settings.layout.data / "world"
    folder = Path(settings.sources).expanduser()
    return folder if folder.is_absolute() else REPOSITORY / folder


def identify_source(settings: Settings) -> str:
    """Return the text that identifies the source of this platform's data."""
    if settings.sources == "sample":
        seed = f", seed {settings.sample_seed}" if settings.sample_seed != 1 else ""
        return f"sample of {settings.sample_films} films{seed}"  # not "movies": existing platforms have recorded this text
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
    """Return the source as a phrase for people."""
    if settings.sources == "live":
        tmdb = "and TMDB's API" if settings.tmdb_access_token else "only, because TMDB_ACCESS_TOKEN is not set"
        return f"IMDb's live files {tmdb}"
    sample = f"synthetic sample of {settings.sample_films:,} movies"
    source = sample if settings.sources == "sample" else f"folder {source_folder(settings)}"
    return f"{source}, served on 127.0.0.1:{settings.sources_port}"


def sources_service(settings: Settings, endpoint: Endpoint) -> Service:
    """Return the service of the local source server."""
    python, folder = str(settings.layout.python("local")), str(source_folder(settings))
    served = ["--folder", folder]
    if settings.sources == "sample":
        served = ["--world", folder, "--movies", str(settings.sample_films), "--seed", str(settings.sample_seed)]
        served += ["--scenario", settings.sample_scenario]
    return Service(
        name="sources",
        argv=(python, "-m", "infra.sources.server", *served, "--port", str(endpoint.port)),
        check=partial(check_url, f"{endpoint.url}/healthz"),
        environment={"PYTHONPATH": str(REPOSITORY)},
        listens=(endpoint,),
        url=endpoint.url,
        directory=REPOSITORY,
        prepare=partial(remove_old_sample, settings),
    )


def remove_old_sample(settings: Settings) -> None:
    """Remove the files of the sample of releases before its world; nothing reads them."""
    shutil.rmtree(settings.layout.data / "sample", ignore_errors=True)
