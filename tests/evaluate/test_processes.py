"""Work that processes share: replies in order, and no error that looks like the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adcli.errors import FileError, LimitError
from adcli.evaluate.processes import _Shared, side_by_side


class Echo:
    """What answers as a process does, with what it was asked."""

    def __init__(self) -> None:
        self.is_ended = False

    def ask(self, message: bytes) -> bytes:
        return message

    def end(self) -> None:
        self.is_ended = True


class Echoes:
    """Starts them, and knows all."""

    def __init__(self) -> None:
        self.started: list[Echo] = []

    def __call__(self) -> Echo:
        self.started.append(Echo())
        return self.started[-1]


def messages(count: int, error: BaseException | None = None) -> Iterator[bytes]:
    """So many, and then an error if there is one."""
    for number in range(count):
        yield b"%d" % number
    if error is not None:
        raise error


COUNTS = pytest.mark.parametrize("count", [0, 1, 7, 100])
JOBS = pytest.mark.parametrize("jobs", [1, 2, 5])


@COUNTS
@JOBS
def test_all_is_answered_in_order(count: int, jobs: int) -> None:
    start = Echoes()
    found = list(side_by_side(messages(count), start, jobs))  # type: ignore[arg-type]
    assert found == list(messages(count))
    assert len(start.started) <= jobs
    assert all(one.is_ended for one in start.started)


@COUNTS
@JOBS
@pytest.mark.parametrize(
    "error",
    [FileError("cannot be read"), OSError("gone"), MemoryError(), KeyboardInterrupt()],
    ids=lambda error: type(error).__name__,
)
def test_an_error_while_messages_are_taken(error: BaseException, count: int, jobs: int) -> None:
    """It is raised behind the replies to what came before it; it is not the end of a success."""
    start = Echoes()
    replies = side_by_side(messages(count, error), start, jobs)  # type: ignore[arg-type]
    found = [next(replies) for _ in range(count)]
    with pytest.raises(type(error)) as raised:
        next(replies)
    assert raised.value is error
    assert found == list(messages(count))
    assert all(one.is_ended for one in start.started)


@JOBS
def test_who_stops_listening_ends_the_processes(jobs: int) -> None:
    start = Echoes()
    replies = side_by_side(messages(100), start, jobs)  # type: ignore[arg-type]
    assert next(replies) == b"0"
    replies.close()  # type: ignore[attr-defined]
    assert all(one.is_ended for one in start.started)


def test_none_is_started_when_all_is_over() -> None:
    """A thread may be about to start one just then: nobody would ever end it."""
    start = Echoes()
    shared = _Shared(messages(0), start, 1)  # type: ignore[arg-type]
    shared.end()
    with pytest.raises(LimitError):
        shared._ask(b"")
    assert start.started == []
