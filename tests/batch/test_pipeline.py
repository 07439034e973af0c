"""Blocks side by side: order, errors, sums and totals."""

from __future__ import annotations

import functools
import io
import math
import operator
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from adcli.batch.job import Job
from adcli.batch.pipeline import Done, Totals, run
from adcli.batch.rows import RowError
from adcli.batch.sums import ExactSum
from adcli.differentiate.rows import Wanted
from adcli.errors import LimitError, NonFiniteError, RowFailedError, Source
from adcli.graph.program import Program


def program(text: str) -> Program:
    return Program(Source(text))


PROGRAM = program("f(x, y) = x*y + sin(x)")


def table(rows: int) -> bytes:
    numbers = random.Random(3)
    lines = [f"{numbers.uniform(-9, 9)!r},{i},{numbers.uniform(-9, 9)!r}" for i in range(rows)]
    return "\n".join(["x,row,y", *lines, ""]).encode()


def compute(
    text: bytes, program: Any = PROGRAM, *, order: int = 1, to: str = "csv", **options: Any
) -> tuple[bytes, Totals, bytes]:
    job = Job(Wanted(order), {}, **options)
    reader = job.read(io.BytesIO(text), "csv", program)
    output, errors = io.BytesIO(), io.BytesIO()
    totals = job.run(reader, job.compile(program, reader), output, to, errors)
    return output.getvalue(), totals, errors.getvalue()


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adcli.batch.source.BLOCK", 256)


@pytest.mark.usefixtures("small_blocks")
class TestJobs:
    def test_the_same_bytes_in_the_same_order(self) -> None:
        text = table(400)
        outputs = [compute(text, jobs=jobs)[0] for jobs in (1, 2, 3, 4)]
        assert [line.split(b",")[1] for line in outputs[0].splitlines()[1:]] == [
            b"%d" % i for i in range(400)
        ]
        assert all(output == outputs[0] for output in outputs)

    def test_errors_in_order(self) -> None:
        lines = table(400).split(b"\n")
        for i in (390, 7, 8, 150, 151, 300):
            lines[i] = b"z,0,1"
        text = b"\n".join(lines)
        logs = {jobs: compute(text, jobs=jobs, on_error="skip")[2] for jobs in (1, 2, 4)}
        found = [int(line[8:].split(b",")[0]) for line in logs[1].splitlines()]
        assert found == [8, 9, 151, 152, 301, 391]
        assert logs[1] == logs[2] == logs[4]
        for jobs in (1, 2, 4):
            with pytest.raises(RowFailedError, match=r"^line 8, column 'x': 'z' is not a number"):
                compute(text, jobs=jobs)

    def test_the_first_that_is_not_finite(self) -> None:
        lines = table(400).split(b"\n")
        lines[300] = lines[200] = b"inf,0,1"
        for jobs in (1, 4):
            _, totals, _ = compute(b"\n".join(lines), jobs=jobs)
            assert (totals.rows, totals.failed, totals.not_finite) == (400, 0, 2)
            assert totals.first == (201, {"x": math.inf, "y": 1.0})
            with pytest.raises(NonFiniteError, match="'f' is not finite at line 201"):
                compute(b"\n".join(lines), jobs=jobs, strict=True)

    def test_sums_are_the_same_for_any_jobs(self) -> None:
        text = table(1000)
        sums = [compute(text, jobs=jobs, sums=True)[0] for jobs in (1, 2, 3, 4)]
        assert all(one == sums[0] for one in sums)
        rows = compute(text, only_results=True)[0].splitlines()
        assert sums[0].splitlines()[0] == rows[0] == b"f,df_dx,df_dy"
        columns = zip(*([float(x) for x in row.split(b",")] for row in rows[1:]), strict=True)
        expected = [math.fsum(column) for column in columns]
        assert [float(x) for x in sums[0].splitlines()[1].split(b",")] == expected


def test_sums_leave_failed_rows_out() -> None:
    text = b"x,row,y\n1,0,2\nz,0,3\n4,0,\n0.5,0,8\n"
    output, totals, _ = compute(text, program("f(x, y) = x*y"), sums=True, on_error="skip")
    assert output == b"f,df_dx,df_dy\n6,10,1.5\n"
    assert (totals.rows, totals.failed) == (4, 2)


def test_the_sum_of_no_rows() -> None:
    assert compute(b"x,row,y\n", sums=True)[0] == b"f,df_dx,df_dy\n0,0,0\n"


@pytest.mark.parametrize("block", [1 << 8, 1 << 12, 1 << 21])
def test_sums_that_cancel(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr("adcli.batch.source.BLOCK", block)
    numbers = random.Random(5)
    values = [numbers.uniform(-1, 1) * 10.0 ** numbers.randrange(-4, 13) for _ in range(500)]
    values += [-x for x in values] + [0.125, 1e-3]
    numbers.shuffle(values)
    text = "\n".join(["x", *map(repr, values), ""]).encode()
    expected = math.fsum(values)
    # A plain sum is another; that of Python is compensated since version 3.12.
    assert functools.reduce(operator.add, values) != expected
    got, _, _ = compute(text, program("f(x) = x"), order=0, sums=True, jobs=3)
    assert float(got.splitlines()[1]) == expected


class Given:
    """Work that a test says."""

    def __init__(self, work: Callable[[Any], Any]) -> None:
        self.work = work
        self.ended = threading.Event()

    def __call__(self, block: Any) -> Any:
        return self.work(block)


class Counted:
    """Blocks, of which some are on the way."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.taken = self.received = self.most = 0

    def blocks(self) -> Iterator[int]:
        for i in range(self.count):
            self.taken += 1
            self.most = max(self.most, self.taken - self.received)
            yield i

    def receive(self, done: Any) -> None:
        assert done == self.received
        self.received += 1


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_few_blocks_are_on_the_way(jobs: int) -> None:
    """The first block takes until so many others have been begun that no more may be."""
    counted = Counted(200)
    go_on = threading.Event()

    def work(block: int) -> Any:
        if block == 0 and jobs > 1:
            assert go_on.wait(60)
        if block == jobs:
            go_on.set()
        return block

    run(counted.blocks(), Given(work), jobs, counted.receive)  # type: ignore[arg-type]
    assert counted.received == 200
    assert counted.most <= 2 * jobs + 2


@pytest.mark.parametrize("jobs", [1, 3])
def test_what_came_before_an_error_is_received(jobs: int) -> None:
    counted = Counted(50)

    def work(block: int) -> Any:
        if block >= 20:
            raise RowFailedError(f"line {block}")
        return block

    given = Given(work)
    with pytest.raises(RowFailedError, match="line 20"):
        run(counted.blocks(), given, jobs, counted.receive)  # type: ignore[arg-type]
    assert counted.received == 20
    assert counted.taken < 50
    assert given.ended.is_set() is (jobs > 1)


@pytest.mark.parametrize("jobs", [1, 3])
def test_what_was_read_before_an_error_counts(jobs: int) -> None:
    """Rows before it are written, and an error among them is the first."""

    def blocks() -> Iterator[int]:
        yield from range(5)
        raise LimitError("too long")

    received: list[Any] = []
    with pytest.raises(LimitError, match="too long"):
        run(blocks(), Given(lambda block: block), jobs, received.append)  # type: ignore[arg-type]
    assert received == [*range(5)]

    def fails(block: int) -> Any:
        if block == 4:
            raise RowFailedError("line 4")
        return block

    with pytest.raises(RowFailedError, match="line 4"):
        run(blocks(), Given(fails), jobs, received.append)  # type: ignore[arg-type]


def test_an_error_in_reading_ends_the_threads() -> None:
    def blocks() -> Iterator[int]:
        yield from range(5)
        raise OSError("gone")

    before = set(threading.enumerate())
    with pytest.raises(OSError, match="gone"):
        run(blocks(), Given(lambda block: block), 3, lambda done: None)  # type: ignore[arg-type]
    for thread in set(threading.enumerate()) - before:
        thread.join(60)
        assert not thread.is_alive()


def test_totals() -> None:
    totals = Totals()
    for count, bad, odd, line in ((3, 1, 0, 0), (4, 0, 2, 9), (5, 2, 1, 12)):
        done = Done(count, b"", [RowError(1, "bad")] * bad)
        done.not_finite = odd
        done.first = (line, {"x": 0.0}) if odd else None
        done.sums = {"f": ExactSum()}
        done.sums["f"].add(np.array([float(count), 2.0**-60]))
        totals.add(done)
    assert (totals.rows, totals.failed, totals.not_finite) == (12, 3, 3)
    assert totals.first == (9, {"x": 0.0})
    assert totals.sum("f") == math.fsum([3, 4, 5, 3 * 2.0**-60])
    assert totals.sum("g") == 0.0
