"""Traces without call stacks: the thread that traces goes without, everybody else has them."""

import threading
import traceback

import paddle
import pytest

from ppgan_ext.nn.cpu_program import Program, program_outputs
from ppgan_ext.nn.tracing import without_call_stacks


def names(**arguments):
    return [frame.name for frame in traceback.extract_stack(**arguments)]


def in_another_thread(function):
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


def test_only_the_thread_that_traces_goes_without():
    real = traceback.extract_stack
    with without_call_stacks():
        assert traceback.extract_stack() == []
        with without_call_stacks():
            assert names() == []
        assert names() == []
        assert in_another_thread(names)[-1] == "names"
        assert in_another_thread(lambda: names(limit=2)) == ["<lambda>", "names"]
    assert traceback.extract_stack is real
    assert names()[-1] == "names"


def test_an_error_gives_the_stacks_back():
    real = traceback.extract_stack
    with pytest.raises(ValueError, match="in the block"), without_call_stacks():
        raise ValueError("in the block")
    assert traceback.extract_stack is real


def test_two_threads_trace_one_after_another():
    real, inside, leave = traceback.extract_stack, threading.Event(), threading.Event()

    def trace():
        with without_call_stacks():
            inside.set()
            assert leave.wait(60)

    first = threading.Thread(target=trace)
    first.start()
    assert inside.wait(60)
    second = threading.Thread(target=trace)
    second.start()
    leave.set()
    first.join()
    second.join()
    assert traceback.extract_stack is real


def test_a_program_is_traced_once_without_stacks(monkeypatch):
    asked, real = [], traceback.extract_stack
    monkeypatch.setattr(traceback, "extract_stack", lambda *arguments: (asked.append(1), real(*arguments))[1])
    calls = []

    def double(x):
        calls.append(paddle.in_dynamic_mode())
        return program_outputs(x + x)

    program, x = Program(double), paddle.to_tensor([1.0, -2.5])
    for _ in range(2):
        assert program(x)[0].tolist() == [2.0, -5.0]
    assert calls == [False] and asked == []
