"""FastAPI's first example: the least that a FastAPI service can do."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/predict")
async def hello() -> dict[str, str]:
    return {"message": "Hello World"}
