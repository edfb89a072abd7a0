"""Packs commands in Redis's own protocol."""

from collections.abc import Sequence

import hiredis

HashReply = Sequence[bytes | None] | hiredis.ReplyError
"""Reply of HMGET: a value or None for each field, or an error of Redis."""


def pack(*words: str | bytes | int) -> bytes:
    """Return one command in Redis's protocol."""
    packed: bytes = hiredis.pack_command(words)  # type: ignore[arg-type]  # its stub names a tuple of one
    return packed


def pack_around(before: Sequence[bytes], after: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return head and tail of a command without one word: send `head + b"$<length>\\r\\n<word>\\r\\n" + tail`."""
    head = b"*%d\r\n" % (len(before) + 1 + len(after))
    return head + b"".join(map(pack_word, before)), b"".join(map(pack_word, after))


def pack_word(word: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(word), word)


def greet(username: str, password: str, database: str) -> list[bytes]:
    """Return the commands that log in and select the database on a new connection."""
    login = [pack("AUTH", *([username] if username else []), password)] if password else []
    return login + ([pack("SELECT", database)] if database not in {"", "0"} else [])
