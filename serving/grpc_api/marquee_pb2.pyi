import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PredictRequest(_message.Message):
    __slots__ = ("movie_id",)
    MOVIE_ID_FIELD_NUMBER: _ClassVar[int]
    movie_id: str
    def __init__(self, movie_id: _Optional[str] = ...) -> None: ...

class Model(_message.Message):
    __slots__ = ("name", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class Prediction(_message.Message):
    __slots__ = ("prediction_id", "movie_id", "title", "rating", "model", "feature_source", "stale", "degraded", "feature_age_seconds", "features_as_of", "request_id", "deployment")
    PREDICTION_ID_FIELD_NUMBER: _ClassVar[int]
    MOVIE_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    RATING_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    FEATURE_SOURCE_FIELD_NUMBER: _ClassVar[int]
    STALE_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    FEATURE_AGE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    FEATURES_AS_OF_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
    prediction_id: str
    movie_id: str
    title: str
    rating: float
    model: Model
    feature_source: str
    stale: bool
    degraded: bool
    feature_age_seconds: int
    features_as_of: _timestamp_pb2.Timestamp
    request_id: str
    deployment: int
    def __init__(self, prediction_id: _Optional[str] = ..., movie_id: _Optional[str] = ..., title: _Optional[str] = ..., rating: _Optional[float] = ..., model: _Optional[_Union[Model, _Mapping]] = ..., feature_source: _Optional[str] = ..., stale: _Optional[bool] = ..., degraded: _Optional[bool] = ..., feature_age_seconds: _Optional[int] = ..., features_as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., request_id: _Optional[str] = ..., deployment: _Optional[int] = ...) -> None: ...

class PredictBatchRequest(_message.Message):
    __slots__ = ("movie_ids",)
    MOVIE_IDS_FIELD_NUMBER: _ClassVar[int]
    movie_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, movie_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class PredictBatchResponse(_message.Message):
    __slots__ = ("predictions", "request_id")
    PREDICTIONS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    predictions: _containers.RepeatedCompositeFieldContainer[Outcome]
    request_id: str
    def __init__(self, predictions: _Optional[_Iterable[_Union[Outcome, _Mapping]]] = ..., request_id: _Optional[str] = ...) -> None: ...

class Outcome(_message.Message):
    __slots__ = ("prediction", "refusal")
    PREDICTION_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    prediction: Prediction
    refusal: Refusal
    def __init__(self, prediction: _Optional[_Union[Prediction, _Mapping]] = ..., refusal: _Optional[_Union[Refusal, _Mapping]] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("movie_id", "detail", "reason")
    MOVIE_ID_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    movie_id: str
    detail: str
    reason: str
    def __init__(self, movie_id: _Optional[str] = ..., detail: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class WhatIfRequest(_message.Message):
    __slots__ = ("movie_id", "overrides")
    class OverridesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Override
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Override, _Mapping]] = ...) -> None: ...
    MOVIE_ID_FIELD_NUMBER: _ClassVar[int]
    OVERRIDES_FIELD_NUMBER: _ClassVar[int]
    movie_id: str
    overrides: _containers.MessageMap[str, Override]
    def __init__(self, movie_id: _Optional[str] = ..., overrides: _Optional[_Mapping[str, Override]] = ...) -> None: ...

class Override(_message.Message):
    __slots__ = ("value",)
    VALUE_FIELD_NUMBER: _ClassVar[int]
    value: float
    def __init__(self, value: _Optional[float] = ...) -> None: ...

class WhatIfResponse(_message.Message):
    __slots__ = ("prediction", "rating_as_it_is", "overrides", "out_of_range")
    class OverridesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Override
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Override, _Mapping]] = ...) -> None: ...
    PREDICTION_FIELD_NUMBER: _ClassVar[int]
    RATING_AS_IT_IS_FIELD_NUMBER: _ClassVar[int]
    OVERRIDES_FIELD_NUMBER: _ClassVar[int]
    OUT_OF_RANGE_FIELD_NUMBER: _ClassVar[int]
    prediction: Prediction
    rating_as_it_is: float
    overrides: _containers.MessageMap[str, Override]
    out_of_range: _containers.RepeatedCompositeFieldContainer[OutOfRange]
    def __init__(self, prediction: _Optional[_Union[Prediction, _Mapping]] = ..., rating_as_it_is: _Optional[float] = ..., overrides: _Optional[_Mapping[str, Override]] = ..., out_of_range: _Optional[_Iterable[_Union[OutOfRange, _Mapping]]] = ...) -> None: ...

class OutOfRange(_message.Message):
    __slots__ = ("feature", "value", "lowest", "highest")
    FEATURE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    LOWEST_FIELD_NUMBER: _ClassVar[int]
    HIGHEST_FIELD_NUMBER: _ClassVar[int]
    feature: str
    value: float
    lowest: float
    highest: float
    def __init__(self, feature: _Optional[str] = ..., value: _Optional[float] = ..., lowest: _Optional[float] = ..., highest: _Optional[float] = ...) -> None: ...

class SearchMoviesRequest(_message.Message):
    __slots__ = ("query", "limit")
    QUERY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    query: str
    limit: int
    def __init__(self, query: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class SearchMoviesResponse(_message.Message):
    __slots__ = ("movies", "request_id")
    MOVIES_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    movies: _containers.RepeatedCompositeFieldContainer[Movie]
    request_id: str
    def __init__(self, movies: _Optional[_Iterable[_Union[Movie, _Mapping]]] = ..., request_id: _Optional[str] = ...) -> None: ...

class Movie(_message.Message):
    __slots__ = ("movie_id", "tmdb_id", "title", "year")
    MOVIE_ID_FIELD_NUMBER: _ClassVar[int]
    TMDB_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    movie_id: str
    tmdb_id: int
    title: str
    year: int
    def __init__(self, movie_id: _Optional[str] = ..., tmdb_id: _Optional[int] = ..., title: _Optional[str] = ..., year: _Optional[int] = ...) -> None: ...
