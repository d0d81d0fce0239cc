"""Two thousand mutated files of every format: each is read, or refused with an error for users.

The seed is fixed; `make fuzz` goes on with fresh ones. Time is bounded by counting what a read does, memory by
measuring the largest peak of all reads.
"""

from __future__ import annotations

import tracemalloc

import pytest

from tests.reference import fuzzing

# Beside its content, a read has the file itself and some bookkeeping in memory.
MARGIN_BYTES = 8 * 2**20
MUTATIONS = 300  # of each format; `make fuzz` makes as many as time allows
TRACED = 40  # tracing all memory makes reads several times as slow


@pytest.mark.slow
@pytest.mark.parametrize("name", list(fuzzing.READS))
def test_many_mutations_are_read_or_refused(tmp_path, name):
    outcomes = fuzzing.run(name, 17, MUTATIONS, tmp_path)
    assert sum(outcomes.values()) == MUTATIONS
    assert 0 < outcomes["read"] < MUTATIONS


@pytest.mark.slow
@pytest.mark.parametrize("name", list(fuzzing.READS))
def test_memory_is_bounded(tmp_path, name):
    largest = max(len(data) for _, data in fuzzing.cases(name, 18, TRACED))
    tracemalloc.start()
    try:
        fuzzing.run(name, 18, TRACED, tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < fuzzing.FLOOR_BYTES + 25 * largest + MARGIN_BYTES


def test_the_seeds_are_read(tmp_path):
    """Otherwise the mutations would only test what is refused anyway."""
    for name, files in fuzzing.seeds().items():
        suffixes = fuzzing.SUFFIXES.get(name, [f".{name}"])
        for index, data in enumerate(files):
            path = tmp_path / f"{index}{suffixes[index % len(suffixes)]}"
            path.write_bytes(data)
            assert fuzzing.attempt(name, path) == "read", (name, index)


def test_a_seed_gives_the_same_files():
    for name in fuzzing.READS:
        assert list(fuzzing.cases(name, 3, 5)) == list(fuzzing.cases(name, 3, 5))
