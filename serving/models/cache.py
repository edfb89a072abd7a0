"""Verified models on local disk, one folder for each version."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from serving.models.onnx_model import ModelRejected
from serving.models.reference import ModelReference
from serving.models.release_record import MODEL_FILE, RELEASE_FILE


@dataclass(frozen=True, slots=True)
class ModelCache:
    """A folder of models. The folder of a version is complete or absent, because one rename creates it."""

    directory: Path

    def store(self, model: bytes, release: bytes, reference: ModelReference) -> None:
        """Store a verified model and its release.json; replace an earlier copy of the same version."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = self.directory / reference.folder
        with tempfile.TemporaryDirectory(dir=self.directory, prefix="incoming-") as incoming:
            complete = Path(incoming) / "complete"
            complete.mkdir()
            write_synced(complete / MODEL_FILE, model)
            write_synced(complete / RELEASE_FILE, release)
            (Path(incoming) / "trash").mkdir()
            if folder.exists():
                folder.rename(Path(incoming) / "trash" / "old")
            complete.rename(folder)

    def read(self, reference: ModelReference) -> tuple[bytes, bytes] | None:
        """Read model.onnx and release.json of one version; return None when the version is not in the cache.

        Raise ModelRejected unless both have the digests of the reference.
        """
        folder = self.directory / reference.folder
        if not folder.is_dir():
            return None
        try:
            model, release = (folder / MODEL_FILE).read_bytes(), (folder / RELEASE_FILE).read_bytes()
        except OSError as error:
            raise ModelRejected(f"the cached copy is unreadable: {error}") from None
        for name, body, expected in ((MODEL_FILE, model, reference.sha256), (RELEASE_FILE, release, reference.release_sha256)):
            digest = hashlib.sha256(body).hexdigest()
            if digest != expected:
                raise ModelRejected(f"the cached {name} has sha256 {digest[:12]}…, the deployment says {expected[:12]}…")
        return model, release

    def keep_only(self, references: Iterable[ModelReference]) -> None:
        """Delete all other versions, so that the cache does not grow with every training."""
        kept = {reference.folder for reference in references}
        for model in self.directory.glob(f"*/{MODEL_FILE}"):
            if model.parent.name not in kept:
                shutil.rmtree(model.parent, ignore_errors=True)  # another worker deletes the same folder


def write_synced(path: Path, body: bytes) -> None:
    """Write the file and fsync it, so that its content reaches the disk before the rename does."""
    with path.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
