"""HTTP to our own servers on loopback, past any proxy the machine is set up with."""

from typing import Any

import requests


def local_session() -> requests.Session:
    """Return a session that reads no proxy, netrc or certificate setting."""
    session = requests.Session()
    session.trust_env = False
    return session


def check_url(url: str, seconds: float = 5) -> None:
    """Raise unless the URL answers 2xx in time."""
    with local_session() as session:
        session.get(url, timeout=seconds).raise_for_status()


def read_json(url: str, seconds: float = 5) -> Any:
    """Return the body of a 2xx answer, parsed."""
    with local_session() as session:
        answer = session.get(url, timeout=seconds)
        answer.raise_for_status()
        return answer.json()
