"""Receipts and their ids, without a database."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from infra.setup.schema_version import MIGRATIONS
from serving.receipts import receipt
from serving.receipts.encode import COLUMNS
from serving.receipts.receipt import PredictionIds


def test_ids_sort_by_time_and_never_repeat() -> None:
    ids, before = PredictionIds(), int(time.time() * 1000)
    made = [ids.next() for _ in range(20_000)]
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in made[:100])
    assert all(earlier < later for earlier, later in pairwise(made))
    assert before <= int(made[0][:12], 16) <= time.time() * 1000


def test_workers_do_not_share_ids_even_in_the_same_millisecond_and_when_the_clock_is_set_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Stopped:
        @staticmethod
        def time() -> float:
            return 1795305600.0

    monkeypatch.setattr(receipt, "time", Stopped)
    workers = [PredictionIds() for _ in range(20)]
    made = [worker.next() for worker in workers for _ in range(100)]
    assert len(set(made)) == len(made)


def test_ids_of_many_threads_differ() -> None:
    ids = PredictionIds()
    with ThreadPoolExecutor(4) as pool:
        made = [each for some in pool.map(lambda _: [ids.next() for _ in range(5000)], range(4)) for each in some]
    assert len(set(made)) == 20_000


def test_every_column_of_the_table_is_written() -> None:
    sql = (MIGRATIONS / "receipts.sql").read_text()
    body = sql[sql.index("CREATE TABLE receipt (") : sql.index(");\n")]
    columns = re.findall(r"^    ([a-z_0-9]+) +", body, re.MULTILINE)
    assert sorted(COLUMNS) == sorted(columns)
