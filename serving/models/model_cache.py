"""Verified models on local disk, one folder a version, and the note which of them was served last."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from serving.models.onnx_model import ModelRejected
from serving.models.release_record import MODEL_FILE, RELEASE_FILE

MANIFEST_FILE, LAST_GOOD_FILE = "manifest.json", "last_good.json"


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One registered version; the source tells apart versions of the same number after a registry was reset."""

    name: str
    version: str
    source: str

    @property
    def folder(self) -> str:
        identity = hashlib.sha256(f"{self.name}\n{self.version}\n{self.source}".encode()).hexdigest()
        return f"{self.version}-{identity[:16]}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was verified when the version was fetched."""

    name: str
    version: str
    source: str
    run_id: str
    sha256: str
    """Of model.onnx."""
    release_sha256: str
    """Of release.json."""

    @property
    def model_version(self) -> ModelVersion:
        return ModelVersion(self.name, self.version, self.source)


@dataclass(frozen=True, slots=True)
class ModelCache:
    """`MODEL_CACHE_DIR`; a folder in it is complete or absent, since it arrives by one rename."""

    directory: Path

    def store(self, model: bytes, release: bytes, manifest: Manifest) -> None:
        """Keep a verified model and its release.json; the same version twice leaves the later bytes."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = self.directory / manifest.model_version.folder
        with tempfile.TemporaryDirectory(dir=self.directory, prefix="incoming-") as incoming:
            write_synced(Path(incoming) / MODEL_FILE, model)
            write_synced(Path(incoming) / RELEASE_FILE, release)
            write_synced(Path(incoming) / MANIFEST_FILE, orjson.dumps(asdict(manifest)))
            (Path(incoming) / "trash").mkdir()
            if folder.exists():
                folder.rename(Path(incoming) / "trash" / "old")
            complete = Path(incoming) / "complete"
            complete.mkdir()
            for name in (MODEL_FILE, RELEASE_FILE, MANIFEST_FILE):
                (Path(incoming) / name).rename(complete / name)
            complete.rename(folder)

    def read(self, version: ModelVersion) -> tuple[bytes, bytes, Manifest] | None:
        """Read one version (model, release.json, manifest) whose bytes have the recorded digests; None when it is not here.

        Raises ModelRejected.
        """
        folder = self.directory / version.folder
        if not folder.is_dir():
            return None
        try:
            manifest = Manifest(**orjson.loads((folder / MANIFEST_FILE).read_bytes()))
            model, release = (folder / MODEL_FILE).read_bytes(), (folder / RELEASE_FILE).read_bytes()
        except (OSError, ValueError, TypeError) as error:
            raise ModelRejected(f"the cached copy is unreadable: {error}") from None
        if manifest.model_version != version:
            raise ModelRejected(f"the cached copy is of version {manifest.version}, not {version.version}")
        for name, body, expected in ((MODEL_FILE, model, manifest.sha256), (RELEASE_FILE, release, manifest.release_sha256)):
            digest = hashlib.sha256(body).hexdigest()
            if digest != expected:
                raise ModelRejected(f"the cached {name} has sha256 {digest[:12]}…, its manifest says {expected[:12]}…")
        return model, release, manifest

    def note_last_good(self, version: ModelVersion) -> None:
        """Remember what a start without MLflow shall serve."""
        temporary = self.directory / f"{LAST_GOOD_FILE}.{os.getpid()}"
        write_synced(temporary, orjson.dumps(asdict(version)))
        temporary.replace(self.directory / LAST_GOOD_FILE)

    def last_good(self) -> ModelVersion | None:
        """The version served last, or None; raises ModelRejected when the note is damaged."""
        try:
            return ModelVersion(**orjson.loads((self.directory / LAST_GOOD_FILE).read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise ModelRejected(f"{LAST_GOOD_FILE} is unreadable: {error}") from None

    def keep_only(self, versions: Iterable[ModelVersion]) -> None:
        """Delete all other versions, so that the cache does not grow with every training."""
        kept = {version.folder for version in versions}
        for manifest in self.directory.glob(f"*/{MANIFEST_FILE}"):
            if manifest.parent.name not in kept:
                shutil.rmtree(manifest.parent)


def write_synced(path: Path, body: bytes) -> None:
    """Write and fsync, so that the rename that follows cannot outlive its content."""
    with path.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
