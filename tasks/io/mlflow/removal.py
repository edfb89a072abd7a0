"""Removes training runs from MLflow for good: their versions, logged models, artifacts and rows.

MLflow's server marks a run or a logged model as deleted, and removes neither. The command `mlflow gc` does that, on MLflow's
database, but for all that anybody has deleted, experiments included. So its two steps are taken here for named runs: the
artifacts through the server, then the rows through MLflow's own store. A run's row goes last: after a kill the next run repeats
the removal.
"""

from collections.abc import Sequence
from itertools import groupby

from mlflow import MlflowClient
from mlflow.entities import Run, ViewType
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.store.tracking.dbmodels.models import SqlDataset, SqlInput, SqlInputTag, SqlLoggedModel
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy.exc import SQLAlchemyError

from tasks.core.errors import Unavailable
from tasks.core.model_retention import TrainingRun
from tasks.io.mlflow.registry import EXPERIMENT, MODEL

PAGE = 500


def open_store(database_url: str) -> SqlAlchemyStore:
    """Open MLflow's own store. Raise Unavailable without its database, MlflowException if that has another release's schema."""
    try:
        return SqlAlchemyStore(database_url, "mlflow-artifacts:/")
    except SQLAlchemyError as error:
        raise Unavailable(f"MLflow's database: {str(error).splitlines()[0]}") from error


def read_runs(client: MlflowClient) -> list[TrainingRun]:
    """Return the runs of the training's experiment, also those that are marked as deleted."""
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        return []
    found = sorted((str(version.run_id), str(version.version)) for version in client.search_model_versions(f"name = '{MODEL}'"))
    versions = {run_id: tuple(version for _, version in group) for run_id, group in groupby(found, key=lambda pair: pair[0])}
    runs = list[Run]()
    more, token = True, None
    while more:
        page = client.search_runs([experiment.experiment_id], "", ViewType.ALL, PAGE, page_token=token)
        runs.extend(page)
        token = page.token
        more = bool(token)
    return [TrainingRun(run.info.run_id, run.info.start_time, versions.get(run.info.run_id, ())) for run in runs]


def remove_run(client: MlflowClient, store: SqlAlchemyStore, run: TrainingRun) -> None:
    """Remove the run, its versions, logged models, artifacts and dataset.

    Of a version one row stays, without content: MLflow counts it, so that no number is given twice.
    """
    for version in run.versions:
        for tag in client.get_model_version(MODEL, version).tags:
            client.delete_model_version_tag(MODEL, version, tag)
        client.delete_model_version(MODEL, version)
    models = read_logged_models(store, run.run_id)
    remove_inputs(store, [run.run_id, *(model_id for model_id, _ in models)])
    for model_id, location in models:
        get_artifact_repository(location).delete_artifacts()
        store._hard_delete_logged_model(model_id)
    get_artifact_repository(client.get_run(run.run_id).info.artifact_uri).delete_artifacts()
    store._hard_delete_run(run.run_id)


def read_logged_models(store: SqlAlchemyStore, run_id: str) -> list[tuple[str, str]]:
    """Return the id and the artifacts' place of the run's logged models; the server's search leaves out deleted ones."""
    with store.ManagedSessionMaker(read_only=True) as session:
        found = session.query(SqlLoggedModel.model_id, SqlLoggedModel.artifact_location)
        return [(model_id, location) for model_id, location in found.filter(SqlLoggedModel.source_run_id == run_id)]


def remove_inputs(store: SqlAlchemyStore, ids: Sequence[str]) -> None:
    """Remove the rows that link these runs and logged models, and the datasets that nothing links any more.

    `mlflow gc` leaves them.
    """
    with store.ManagedSessionMaker(read_only=False) as session:
        inputs = session.query(SqlInput).filter(SqlInput.destination_id.in_(ids) | SqlInput.source_id.in_(ids)).all()
        sources, links = {link.source_id for link in inputs}, [link.input_uuid for link in inputs]
        session.query(SqlInputTag).filter(SqlInputTag.input_uuid.in_(links)).delete(synchronize_session=False)
        session.query(SqlInput).filter(SqlInput.input_uuid.in_(links)).delete(synchronize_session=False)
        used = session.query(SqlInput.source_id).filter(SqlInput.source_id.in_(sources))
        unused = session.query(SqlDataset).filter(SqlDataset.dataset_uuid.in_(sources), SqlDataset.dataset_uuid.not_in(used))
        unused.delete(synchronize_session=False)
