"""Download one version of a registered model, try it, and store it in the cache, as a separate process.

It is a separate process because MLflow's client costs memory and a bad model file may crash the process that parses it.
Only `release.json` and `model.onnx` are downloaded. Nothing else in the version is read, so that no pickle, loader or
code of it can run.
"""

import argparse
import hashlib
import logging
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from serving.models.cache import ModelCache
from serving.models.onnx_model import ModelRejected, load_onnx_model, smoke_test
from serving.models.reference import ModelReference
from serving.models.release_record import MODEL_FILE, RELEASE_FILE, check_golden, parse_release

log = logging.getLogger("serving.models.fetch_child")

MAX_BYTES = {MODEL_FILE: 256 * 2**20, RELEASE_FILE: 2**20}
"""Maximum size of each file; a gradient boosting model with thousands of trees needs a tenth of it."""
DIGEST_TAG = "sha256."
"""Prefix of the version's tags in which training recorded the digest of each file."""


def fetch_model(reference: ModelReference, tracking_uri: str, cache: ModelCache) -> None:
    """Fetch, verify, try and store one version. Raise ModelRejected, or MLflow's own errors when it does not answer."""
    from mlflow import MlflowClient, artifacts  # noqa: PLC0415  # only this process pays for the import

    client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
    name, version = reference.name, reference.version
    registered = client.get_model_version(name, version)
    if not registered.run_id:
        raise ModelRejected("the version names no training run, so there is no release.json to check it against")
    model_uri, run_uri = f"models:/{name}/{version}", f"runs:/{registered.run_id}"
    held = {
        MODEL_FILE: (model_uri, artifacts.list_artifacts(artifact_uri=model_uri, tracking_uri=tracking_uri)),
        RELEASE_FILE: (run_uri, client.list_artifacts(registered.run_id)),
    }
    bodies = {}
    for file, (uri, listed) in held.items():
        check_listed(file, {each.path: each.file_size or 0 for each in listed})
        with tempfile.TemporaryDirectory(dir=cache.directory, prefix="incoming-") as folder:
            path = artifacts.download_artifacts(f"{uri}/{file}", dst_path=folder, tracking_uri=tracking_uri)
            bodies[file] = Path(path).read_bytes()
    digests = {file: hashlib.sha256(body).hexdigest() for file, body in bodies.items()}
    for file, digest in digests.items():
        expected = registered.tags.get(DIGEST_TAG + file)
        if digest != expected:
            raise ModelRejected(f"{file} has sha256 {digest[:12]}…, training recorded {(expected or 'none')[:12]}…")
    for file, expected in ((MODEL_FILE, reference.sha256), (RELEASE_FILE, reference.release_sha256)):
        if digests[file] != expected:
            raise ModelRejected(f"{file} has sha256 {digests[file][:12]}…, the deployment says {expected[:12]}…")
    record = parse_release(bodies[RELEASE_FILE])
    if record.files[MODEL_FILE] != digests[MODEL_FILE]:
        raise ModelRejected(
            f"{MODEL_FILE} has sha256 {digests[MODEL_FILE][:12]}…, {RELEASE_FILE} names {record.files[MODEL_FILE][:12]}…"
        )
    with tempfile.TemporaryDirectory() as empty:
        os.chdir(empty)  # a model that refers to files beside it must not find any
        model = load_onnx_model(bodies[MODEL_FILE])
        smoke_test(model)
        check_golden(model, record)
        os.chdir(cache.directory)
    cache.store(bodies[MODEL_FILE], bodies[RELEASE_FILE], reference)


def check_listed(file: str, sizes: Mapping[str, int]) -> None:
    """Raise ModelRejected unless the file is listed and its size is within the limit."""
    if file not in sizes:
        raise ModelRejected(f"the version holds no {file}, only {sorted(sizes)}")
    if sizes[file] > MAX_BYTES[file]:
        raise ModelRejected(f"{file} has {sizes[file]} bytes, more than {MAX_BYTES[file]}")


def main() -> int:
    """Exit codes (sysexits.h): 0 stored in the cache, 65 rejected with the reason on stderr, 75 MLflow does not answer."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=main.__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--sha256", required=True, help="of model.onnx")
    parser.add_argument("--release-sha256", required=True, help="of release.json")
    parser.add_argument("--tracking-uri", required=True)
    parser.add_argument("--cache", required=True, type=Path)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    directory = arguments.cache.resolve()
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        reference = ModelReference(arguments.name, arguments.version, arguments.sha256, arguments.release_sha256)
        fetch_model(reference, arguments.tracking_uri, ModelCache(directory))
    except ModelRejected as rejection:
        log.error("%s", rejection)
        return os.EX_DATAERR
    except Exception as error:  # noqa: BLE001  # errors of MLflow, requests or the disk: a later poll tries again
        log.error("%s: %s", type(error).__name__, str(error)[:500])
        return os.EX_TEMPFAIL
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main())
