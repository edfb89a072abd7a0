"""The way of tutorials: Feast's SDK, a DataFrame of one row and scikit-learn inside FastAPI.

FEAST_PROJECT names the live feature set, MODEL_URI the scikit-learn form of the champion.
"""

import os
from pathlib import Path

import mlflow
import pandas as pd
from fastapi import FastAPI
from feast import FeatureStore

app = FastAPI()
store = FeatureStore(repo_path=str(Path(__file__).resolve().parents[3] / "feature_repo"))
model = mlflow.sklearn.load_model(os.environ["MODEL_URI"])
service = store.get_feature_service("pre_release")


@app.get("/predict")
def predict(movie_id: str) -> dict[str, object]:
    found = store.get_online_features(features=service, entity_rows=[{"movie_id": movie_id}]).to_dict()
    row = pd.DataFrame(found).drop(columns="movie_id").astype(float)
    rating = model.predict(row[list(FEATURES)])
    return {"movie_id": movie_id, "rating": float(rating[0])}


FEATURES = mlflow.models.get_model_info(os.environ["MODEL_URI"]).signature.inputs.input_names()
