"""Deployments of further versions of the live model, for the benches: each with predictions of its own."""

import hashlib
import json
import sqlite3
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from redis import Redis

from infra.local.stack import Stack
from infra.platform.accounts import BUCKET
from infra.platform.connections import connect_s3
from serving.deployments.pointer import POINTER_KEY
from tests.bench.versions import DECIMALS, connect, read_digests


class Deployer:
    """Makes a version live that is the live one's trees, shifted by so many rating points."""

    def __init__(self, stack: Stack, tracking_uri: str, shifts: Mapping[str, float]) -> None:
        self._client: MlflowClient = connect(tracking_uri)
        self._redis = Redis(port=stack.settings.redis_port, username="feast", password=stack.secrets.read("redis_feast"))
        self._s3, self.shifts = connect_s3(stack.endpoints), dict(shifts)
        live: Any = self._redis.get(POINTER_KEY)
        self._pointer: dict[str, Any] = json.loads(live)
        self._base: dict[str, Any] = self._pointer["predictions"]
        self._predictions = {self.live_version: self._base}

    @property
    def live_version(self) -> str:
        """Of the model that is live."""
        version: str = self._pointer["model"]["version"]
        return version

    def __call__(self, version: str) -> None:
        """Deploy this version on the live feature set."""
        model = read_digests(self._client, version)
        if version not in self._predictions:
            self._predictions[version] = self._shift_predictions(version, model["sha256"])
        parts = {"model": model, "predictions": self._predictions[version]}
        self._pointer = self._pointer | {"deployment": self._pointer["deployment"] + 1, **parts}
        self._redis.set(POINTER_KEY, json.dumps(self._pointer))

    def _shift_predictions(self, version: str, model_sha256: str) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "predictions.sqlite"
            self._s3.download_file(BUCKET, self._base["database_key"], str(path))
            with sqlite3.connect(path) as database:
                about = [(version, "model_version"), (model_sha256, "model_sha256"), (model_sha256[:12], "prediction_set")]
                database.executemany("update about set value = ? where key = ?", about)
                points = self.shifts[version]
                database.execute("update movie set model_output = model_output + ?", (points,))
                database.execute(f"update movie set rating = round(model_output, {DECIMALS})")  # noqa: S608  # a constant
            database.close()
            body = path.read_bytes()
        digest = hashlib.sha256(body).hexdigest()
        key = f"predictions/{digest}.sqlite"
        self._s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        file = {"database_key": key, "database_sha256": digest, "database_bytes": len(body)}
        return self._base | {"prediction_set": model_sha256[:12], **file}
