"""Messages over pipes, and pools of worker processes."""

from __future__ import annotations

import functools
import io
import math
import operator
import os

import numpy as np
import pytest

from ppgan_ext import worker_messages
from ppgan_ext.workers import WorkerError, WorkerPool


@pytest.mark.parametrize(
    "message",
    [
        None,
        {"a": np.arange(12, dtype=np.float32).reshape(3, 4), "b": "text"},
        (np.zeros((0, 3)), np.asfortranarray(np.arange(6).reshape(2, 3)), np.arange(9)[::-2]),
    ],
    ids=["nothing", "arrays", "odd arrays"],
)
def test_a_message_arrives_whole(message):
    stream = io.BytesIO()
    worker_messages.send(stream, message)
    worker_messages.send(stream, "the next")
    stream.seek(0)
    np.testing.assert_equal(worker_messages.receive(stream), message)
    assert worker_messages.receive(stream) == "the next"
    with pytest.raises(worker_messages.ClosedError):
        worker_messages.receive(stream)


def test_arrays_follow_the_pickle_and_are_writable():
    stream = io.BytesIO()
    worker_messages.send(stream, np.zeros(1000, np.uint8))
    assert len(stream.getvalue()) < 1300
    stream.seek(0)
    received = worker_messages.receive(stream)
    received[:] = 1
    assert received.sum() == 1000


def test_an_incomplete_message_is_a_closed_pipe():
    stream = io.BytesIO()
    worker_messages.send(stream, np.zeros(100))
    data = stream.getvalue()
    for length in (1, 8, 20, len(data) - 1):
        with pytest.raises(worker_messages.ClosedError):
            worker_messages.receive(io.BytesIO(data[:length]))


def test_answers_belong_to_their_tasks_whatever_the_order_of_taking():
    pool = WorkerPool(math.sqrt, 2)
    try:
        tickets = [pool.ask(number) for number in (1, 4, 9, -1, 16)]
        assert [pool.take(tickets[i]) for i in (4, 0, 2, 1)] == [4.0, 1.0, 3.0, 2.0]
        with pytest.raises(ValueError, match="math domain") as caught:
            pool.take(tickets[3])
        assert "in a worker process" in str(caught.value.__cause__)
        assert pool.take(pool.ask(25)) == 5.0  # an error affects only its own task
    finally:
        pool.close()
    with pytest.raises(RuntimeError, match="closed"):
        pool.ask(1)


def test_a_task_that_kills_its_worker_fails_and_the_others_are_done():
    # The tasks use the standard library only: worker processes cannot import a test module.
    pool = WorkerPool(operator.methodcaller("__call__"), 1)
    try:
        tasks = [functools.partial(math.sqrt, 1), functools.partial(os._exit, 5), functools.partial(math.sqrt, 4)]
        tickets = [pool.ask(task) for task in tasks]
        assert pool.take(tickets[2]) == 2.0
        with pytest.raises(WorkerError, match="a worker process ended with code 5, and so did the one before it"):
            pool.take(tickets[1])
        assert pool.take(tickets[0]) == 1.0
    finally:
        pool.close()
