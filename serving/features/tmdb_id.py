"""From a TMDB id to the IMDb id that the features are keyed by: one more row in Redis."""

import re
from collections.abc import Sequence

import hiredis

from serving.core.errors import CorruptRow, UnknownMovie
from serving.core.movie_id import MovieId
from serving.features.feature_set import FeatureSet
from serving.features.online_row import build_key, decode_string, hash_field, timestamp_field
from serving.redis.breaker import explain
from serving.redis.command import pack_around, pack_word

TMDB_IDS, TMDB_IDS_KEY = "tmdb_ids", "tmdb_id"
"""Feature view and join key of the films' IMDb ids by their TMDB ids."""
_IMDB_ID = re.compile(r"tt[0-9]{7,10}\Z")
_HEAD, _TAIL = pack_around([b"HMGET"], [hash_field(TMDB_IDS, "movie_id"), timestamp_field(TMDB_IDS)])


def pack_tmdb_query(feature_set: FeatureSet, asked: MovieId) -> bytes:
    """The command that asks for the film of one TMDB id."""
    return _HEAD + pack_word(build_key(TMDB_IDS_KEY, asked.tmdb or 0, feature_set.name)) + _TAIL


def find_imdb_id(reply: Sequence[bytes | None] | hiredis.ReplyError, asked: MovieId, feature_set: FeatureSet) -> str:
    """Read its reply; raises UnknownMovie or CorruptRow."""
    if isinstance(reply, hiredis.ReplyError):
        raise explain(reply)
    raw, time = reply
    if time is None:
        raise UnknownMovie(f"no film with TMDB id {asked} in the published features of {feature_set.day}")
    imdb_id = decode_string(raw, f"{TMDB_IDS}:movie_id")
    if imdb_id is None or not _IMDB_ID.match(imdb_id):
        raise CorruptRow(f"TMDB id {asked} does not lead to an IMDb id")
    return imdb_id
