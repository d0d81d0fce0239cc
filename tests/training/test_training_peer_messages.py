"""Messages between processes: in the order of the ranks, and no process waits for one that has ended."""

import threading

import numpy as np
import pytest

from ppgan_ext.training.peer_messages import PeerError, PeerMessages
from ppgan_ext.training.processes import Processes


class Store:
    """The part of Paddle's key-value store that is used: `set`, and `get`, which waits for the key."""

    def __init__(self):
        self._values, self._changed = {}, threading.Condition()

    def set(self, key, value):
        with self._changed:
            self._values[key] = value
            self._changed.notify_all()

    def get(self, key):
        with self._changed:
            assert self._changed.wait_for(lambda: key in self._values, 20)
            return self._values[key]


def run_in_threads(size, work, monkeypatch):
    """Run work(processes) in ``size`` connected threads; return the result or the error of each rank."""
    monkeypatch.setenv("PADDLE_TRAINER_ENDPOINTS", "127.0.0.1:1,127.0.0.1:2")
    store, results = Store(), [None] * size

    def run(rank):
        processes = Processes(rank, size)
        processes._peers = PeerMessages(rank, size, store)
        try:
            results[rank] = work(processes)
        except Exception as error:  # noqa: BLE001
            results[rank] = error
            processes.report_failure(error)
        finally:
            processes.close()

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive(), "a process waits for ever"
    return results


def test_every_process_receives_all_messages_in_the_order_of_the_ranks(monkeypatch):
    def work(processes):
        messages = [f"{processes.rank}.{i}".encode() * i for i in range(3)]
        return [processes._peers.exchange(message) for message in messages]

    results = run_in_threads(3, work, monkeypatch)
    assert results[0] == results[1] == results[2]
    assert results[0][2] == [b"0.20.2", b"1.21.2", b"2.22.2"]


def test_numbers_are_averaged_over_shards_and_processes(monkeypatch):
    def work(processes):
        mean = processes.mean([{"a": processes.rank, "b": 1.0}, {"a": processes.rank + 4.0, "b": 1.0}])
        total = processes.sum(np.array([[1, processes.rank]], np.int32))
        return mean, total.tolist(), processes.any(processes.rank == 2), processes.any(False)

    results = run_in_threads(3, work, monkeypatch)
    assert results[0] == results[1] == results[2] == ({"a": 3.0, "b": 1.0}, [[3, 3]], True, False)


def test_the_writer_works_while_the_others_wait(monkeypatch):
    done = []

    def work(processes):
        result = processes.run_on_writer(lambda: done.append(processes.rank) or "result")
        return result, list(done)

    assert run_in_threads(3, work, monkeypatch) == [("result", [0]), (None, [0]), (None, [0])]


def test_a_failure_of_the_writer_ends_all_processes(monkeypatch):
    def fail():
        raise ValueError("the disk is full")

    results = run_in_threads(3, lambda processes: processes.run_on_writer(fail), monkeypatch)
    assert isinstance(results[0], ValueError)
    assert [type(error) for error in results[1:]] == [PeerError, PeerError]
    assert str(results[1]) == str(results[2]) == "the disk is full"


@pytest.mark.parametrize("failing", [1, 2])
def test_a_failure_of_another_process_reaches_all_with_its_reason(monkeypatch, failing):
    def work(processes):
        processes.any(False)
        if processes.rank == failing:
            raise ValueError("bad file")
        for _ in range(3):
            processes.any(False)

    results = run_in_threads(3, work, monkeypatch)
    assert isinstance(results.pop(failing), ValueError)
    assert {str(error) for error in results} == {f"process {failing}: bad file"}
    assert {type(error) for error in results} == {PeerError}


def test_a_process_that_ends_without_a_message_is_reported(monkeypatch):
    def work(processes):
        if processes.rank == 1:
            processes.close()
            return None
        return processes.any(False)

    results = run_in_threads(3, work, monkeypatch)
    message = "process 1 has ended. Its own log may contain the reason."
    assert [str(results[0]), str(results[2])] == [message] * 2


def test_all_processes_raise_if_one_of_them_failed(monkeypatch):
    def work(processes, failing):
        processes.raise_together(ValueError("no data") if processes.rank in failing else None)
        return "continued"

    assert run_in_threads(2, lambda processes: work(processes, ()), monkeypatch) == ["continued"] * 2
    first, second = run_in_threads(2, lambda processes: work(processes, (0, 1)), monkeypatch)
    assert (type(first), str(first), type(second), str(second)) == (ValueError, "no data", PeerError, "no data")
    first, second = run_in_threads(2, lambda processes: work(processes, (1,)), monkeypatch)
    assert (type(first), str(first)) == (PeerError, "process 1: no data")
    assert isinstance(second, PeerError)
    with pytest.raises(ValueError, match="no data"):
        Processes().raise_together(ValueError("no data"))


def test_gradients_of_shards_in_one_process_are_averaged():
    import paddle

    weights = [paddle.create_parameter([2, 3], "float32"), paddle.create_parameter([3], "float32")]
    for factor in (1.0, 2.0, 6.0):
        (weights[0] * factor).sum().backward()
    Processes(accumulate=3).average_gradients(weights)
    assert (weights[0].grad.numpy() == 3.0).all()
    assert weights[1].grad is None


def test_messages_of_any_size_are_gathered_in_the_order_of_the_ranks(monkeypatch):
    sizes = [3, 3 * 2**20, 0]

    def work(processes):
        first = processes.gather(bytes([processes.rank]) * sizes[processes.rank])
        return [len(item) for item in first], [len(item) for item in processes._peers.exchange(b"x")]

    results = run_in_threads(3, work, monkeypatch)
    assert results == [(sizes, [1, 1, 1]), ([], [1, 1, 1]), ([], [1, 1, 1])]
