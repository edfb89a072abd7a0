"""Translates a TMDB id to the IMDb id that keys the features, by one more row in Redis."""

import re

import hiredis

from serving.core.errors import CorruptRow, UnknownMovie
from serving.core.requested_id import RequestedId
from serving.features.feature_set import FeatureSet
from serving.features.online_row import build_key, decode_string, hash_field, timestamp_field
from serving.redis.breaker import explain
from serving.redis.command import HashReply, pack_around, pack_word

TMDB_IDS, TMDB_IDS_KEY = "tmdb_ids", "tmdb_id"
"""Feature view and join key of the movies' IMDb ids by their TMDB ids."""
_IMDB_ID = re.compile(r"tt[0-9]{7,10}\Z")
_HEAD, _TAIL = pack_around([b"HMGET"], [hash_field(TMDB_IDS, "movie_id"), timestamp_field(TMDB_IDS)])


def pack_tmdb_query(feature_set: FeatureSet, requested_id: RequestedId) -> bytes:
    """Return the command that reads the IMDb id of one TMDB id."""
    return _HEAD + pack_word(build_key(TMDB_IDS_KEY, requested_id.tmdb_id or 0, feature_set.name)) + _TAIL


def parse_tmdb_reply(reply: HashReply, requested_id: RequestedId, feature_set: FeatureSet) -> str:
    """Return the IMDb id in the reply. Raise UnknownMovie or CorruptRow."""
    if isinstance(reply, hiredis.ReplyError):
        raise explain(reply)
    raw, time = reply
    if time is None:
        raise UnknownMovie(f"no movie with TMDB id {requested_id} in the published features of {feature_set.day}")
    movie_id = decode_string(raw, f"{TMDB_IDS}:movie_id")
    if movie_id is None or not _IMDB_ID.match(movie_id):
        raise CorruptRow(f"TMDB id {requested_id} does not have a valid IMDb id")
    return movie_id
