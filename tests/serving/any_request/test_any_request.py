"""Sends requests of any kind, some in one write, over real connections: each gets its documented answer, in order."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.access.rejections import HEAD_BYTES
from tests.serving.any_request import outcome_counts
from tests.serving.any_request.adversarial_requests import Asked, requests
from tests.serving.any_request.conftest import Served
from tests.serving.any_request.wire import Gone, Wire

pytestmark = pytest.mark.integration

PART = "requests"


class Talk:
    """A connection that several examples share until it is closed."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._wire = Wire(served.port)

    def ask(self, asked: list[Asked], at_once: bool) -> None:
        """Ask all; what is not answered since the connection was closed, and said to be, is asked again on a new one."""
        try:
            while asked:
                together = asked[: find_last(asked)] if at_once else asked[:1]
                try:
                    self._wire.send(b"".join(each.data for each in together))
                except Gone:
                    assert len(together) > 1 or len(together[0].data) > HEAD_BYTES  # it was refused while it was being sent
                asked = asked[self._hear(together) :]
        except BaseException:
            self._renew()  # it may be out of step
            raise

    def _hear(self, asked: list[Asked]) -> int:
        for number, each in enumerate(asked, 1):
            answer = self._wire.read(each.method)
            outcome_counts.note(PART, answer.status)
            try:
                self._served.contract.check(each.method, each.path, each.request_id, answer)
            except Exception as wrong:
                wrong.add_note(f"asked: {each.data[:1000]!r}")
                raise
            if answer.closes:
                rest = self._wire.read_rest()
                assert not rest or (each.method == "HEAD" and answer.status == 400), rest  # it was not known to be a HEAD
                self._renew()
                return number
        return len(asked)

    def end(self) -> None:
        self._wire.close()

    def _renew(self) -> None:
        self._wire.close()
        self._wire = Wire(self._served.port)


def find_last(asked: list[Asked]) -> int:
    """As many may be sent together: nothing after the one that asks for the connection's end."""
    return next((number for number, each in enumerate(asked, 1) if b"\r\nConnection: close" in each.data), len(asked))


def test_any_request_is_answered_as_documented(served: Served, until_enough: Callable[..., None]) -> None:
    talk = Talk(served)

    def make(how: settings) -> Any:
        @how
        @given(st.lists(requests, min_size=1, max_size=5), st.booleans())
        def play(asked: list[Asked], at_once: bool) -> None:
            talk.ask(asked, at_once)

        return play

    until_enough(PART, make, 3)
    talk.end()
