"""The metadata in a prediction database."""

import sqlite3
from dataclasses import dataclass, fields

from serving.core.artifacts import ArtifactRejected


class PredictionSetRejected(ArtifactRejected):
    """Error for a prediction database that cannot be served; the message gives the reason."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """The model and the features that the predictions were made from."""

    prediction_set: str
    model_name: str
    model_version: str
    model_sha256: str
    feature_set: str
    content_hash: str
    snapshot_id: str
    sha256: str
    """Digest of the file."""
    movies: int


def read_metadata(connection: sqlite3.Connection, sha256: str) -> Metadata:
    """Read the table about and count the movies. Raise PredictionSetRejected or sqlite3.Error."""
    about = dict(connection.execute("select key, value from about"))
    names = [field.name for field in fields(Metadata) if field.name not in ("sha256", "movies")]
    if missing := [name for name in names if not about.get(name)]:
        raise PredictionSetRejected(f"its table about lacks {', '.join(missing)}")
    (movies,) = connection.execute("select count(*) from movie").fetchone()
    if movies == 0:
        raise PredictionSetRejected("it holds no movie")
    return Metadata(**{name: about[name] for name in names}, sha256=sha256, movies=movies)
