"""Download one version of a registered model, try it, and keep it in the cache; a process of its own.

MLflow's client costs memory and a bad model file may abort the process that parses it: neither shall touch the service.
Only `model.onnx` is downloaded. Whatever else the version holds is never read, so no pickle, loader or code path of it can run.
"""

import argparse
import hashlib
import logging
import os
import sys
import tempfile
from pathlib import Path

from serving.models.model_cache import MODEL_FILE, Manifest, ModelCache
from serving.models.predictor import ModelRefused, load_predictor, try_predictor

log = logging.getLogger("serving.models.fetch_model")

MAX_MODEL_BYTES = 256 * 2**20
"""A gradient boosting of thousands of trees is a tenth of this."""
DIGEST_TAG = "sha256.model.onnx"
"""Tag of the model version; where training wrote it, the download must match."""


def fetch_model(name: str, version: str, tracking_uri: str, cache: ModelCache) -> Manifest:
    """Fetch, verify, try and keep one version; raises ModelRefused, or MLflow's own errors when it does not answer."""
    from mlflow import MlflowClient, artifacts  # noqa: PLC0415  # only this process pays for the import

    client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
    registered = client.get_model_version(name, version)
    uri = f"models:/{name}/{version}"
    sizes = {file.path: file.file_size or 0 for file in artifacts.list_artifacts(artifact_uri=uri, tracking_uri=tracking_uri)}
    if MODEL_FILE not in sizes:
        raise ModelRefused(f"the version holds no {MODEL_FILE}, only {sorted(sizes)}")
    if sizes[MODEL_FILE] > MAX_MODEL_BYTES:
        raise ModelRefused(f"{MODEL_FILE} has {sizes[MODEL_FILE]} bytes, more than {MAX_MODEL_BYTES}")
    with tempfile.TemporaryDirectory(dir=cache.directory, prefix="incoming-") as folder:
        path = artifacts.download_artifacts(f"{uri}/{MODEL_FILE}", dst_path=folder, tracking_uri=tracking_uri)
        model = Path(path).read_bytes()
    digest = hashlib.sha256(model).hexdigest()
    expected = registered.tags.get(DIGEST_TAG, digest)
    if digest != expected:
        raise ModelRefused(f"{MODEL_FILE} has sha256 {digest[:12]}…, training recorded {expected[:12]}…")
    manifest = Manifest(name, version, registered.source or "", registered.run_id or "", digest)
    with tempfile.TemporaryDirectory() as empty:
        os.chdir(empty)  # a model that points at files beside it shall find none
        try_predictor(load_predictor(model))
        os.chdir(cache.directory)
    cache.store(model, manifest)
    return manifest


def main() -> int:
    """Exit codes (sysexits.h): 0 kept in the cache, 65 refused with the reason on stderr, 75 MLflow does not answer."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=main.__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--tracking-uri", required=True)
    parser.add_argument("--cache", required=True, type=Path)
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    directory = given.cache.resolve()
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        fetch_model(given.name, given.version, given.tracking_uri, ModelCache(directory))
    except ModelRefused as refusal:
        log.error("%s", refusal)
        return os.EX_DATAERR
    except Exception as error:  # noqa: BLE001  # MLflow, requests and the disk: all of them are worth a later try
        log.error("%s: %s", type(error).__name__, str(error)[:500])
        return os.EX_TEMPFAIL
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main())
