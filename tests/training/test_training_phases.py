"""The phases of an iteration: which networks learn, when, and on which batches."""

from __future__ import annotations

import numpy as np
import pytest

from ppgan_ext.errors import ConfigError
from ppgan_ext.training.shared.phases import Phase, Shard, join_phases, num_batches, run_phases
from tests.reference import toy_runs


def batches(count, seed=0):
    rng = np.random.default_rng(seed)
    return [{"A": rng.uniform(-1, 1, (3, 3, 8, 8)).astype(np.float32)} for _ in range(count)]


def weights(task):
    return {
        f"{name}.{key}": tensor.numpy().copy()
        for name, network in task.networks.items()
        for key, tensor in network.state_dict().items()
    }


def changed(before, after):
    return {key.partition(".")[0] for key in after if not np.array_equal(before[key], after[key])}


@pytest.fixture
def task(config):
    return toy_runs.make_task(config, rate=0.01)


def test_phases_run_in_order_and_at_their_intervals(task):
    calls = []

    def phase(name, every):
        return Phase(name, ("gen",), lambda shard: calls.append((name, shard.iteration)) or {name: 1.0}, every=every)

    task.phases = [phase("second", 2), phase("first", 1), phase("third", 3)]
    for iteration in range(1, 5):
        run_phases(task, [[Shard(iteration, 0, batches(1)[0], task.random)]], iteration)
    assert calls == [
        *(("second", 1), ("first", 1), ("third", 1)),
        ("first", 2),
        *(("second", 3), ("first", 3)),
        *(("first", 4), ("third", 4)),
    ]


def test_only_the_networks_of_a_phase_learn(task):
    disc, penalty, gen = task.phases
    for phases, expected in (([disc], {"disc"}), ([penalty], {"disc"}), ([gen], {"gen"})):
        task.phases = phases
        before = weights(task)
        run_phases(task, [[shard_of(task)]], 1)
        assert changed(before, weights(task)) == expected


def shard_of(task, number=0):
    return Shard(1, number, batches(1)[0], task.random)


def test_frozen_networks_get_no_gradients_and_are_trainable_afterwards(task):
    """The generator's backward pass computes no gradients for the discriminator's parameters."""
    gradients = []
    gen = task.phases[2]

    def watching(shard):
        numbers = gen.work(shard)
        gradients.append([parameter.grad for parameter in task.networks["disc"].parameters()])
        return numbers

    task.phases = [Phase("generator", ("gen",), watching, frozen=("disc",))]
    run_phases(task, [[shard_of(task)]], 1)
    assert gradients == [[None] * len(task.networks["disc"].parameters())]
    assert not any(parameter.stop_gradient for parameter in task.networks["disc"].parameters())


def test_the_callback_after_a_step_gets_the_mean_over_shards(config):
    task = toy_runs.make_task(config, {"accumulate": 2}, 0.01, accumulate=2)
    seen = []
    task.phases = [Phase("any", ("gen",), lambda shard: {"number": float(shard.number)}, after=seen.append)]
    run_phases(task, [[shard_of(task, 3), shard_of(task, 4)]], 1)
    assert seen == [{"number": 3.5}]


def test_each_of_several_steps_uses_a_new_batch(config):
    """Five steps of the critic before one of the generator, as in WGAN: 5 batches per shard, each used once."""
    task = toy_runs.make_task(config, {"model.critic_steps": 5}, 0.01)
    assert task.num_batches == num_batches(task.phases) == 5
    seen = []
    disc, penalty, gen = task.phases

    def watching(shard):
        seen.append((shard.number, shard.tensor().numpy().copy()))
        return disc.work(shard)

    task.phases = [Phase(disc.name, disc.networks, watching, steps=5), penalty, gen]
    new_batches = batches(5)
    task.step(new_batches, 1)
    assert [number for number, _ in seen] == [0, 1, 2, 3, 4]
    for (_, pixels), batch in zip(seen, new_batches, strict=True):
        np.testing.assert_array_equal(pixels, batch["A"])


def test_a_run_with_several_steps_resumes_exactly(config):
    final = []
    overrides = {"model.critic_steps": 3}
    for first in (4, 2):
        run = toy_runs.train(config, {"total_iters": first, **overrides})
        if first == 2:
            run = toy_runs.train(config, {"total_iters": 4, **overrides}, resume=str(run.folder))
        final.append(toy_runs.content(toy_runs.only(run.folder, "iter_4_checkpoint.pdparams")))
    assert final[0] == final[1]
    plain = toy_runs.train(config)
    assert toy_runs.content(toy_runs.only(plain.folder, "iter_4_checkpoint.pdparams")) != final[0]


def test_a_growing_batch_reads_every_image_once(config):
    """3 images in iterations 1 and 2, then 6: positions count images, so a resumed run reads the same images."""
    overrides = {"model.grow_at": 3, "total_iters": 4}
    runs = []
    for first in (4, 2):
        run = toy_runs.prepare(config, {**overrides, "total_iters": first})
        seen = []
        step = run.task.step
        run.task.step = lambda batches, iteration, step=step, seen=seen: (  # type: ignore[method-assign]
            seen.append(batches[0]["index"]) or step(batches, iteration)
        )
        toy_runs.finish(run)
        runs.append((run, seen))
    sizes = [len(indices) for indices in runs[0][1]]
    assert sizes == [3, 3, 6, 6]
    order = np.concatenate(runs[0][1])
    assert sorted(order[:11]) == list(range(11))  # one epoch of the eleven pictures, each once
    resumed = toy_runs.train(config, overrides, resume=str(runs[1][0].folder))
    theirs = toy_runs.content(toy_runs.only(resumed.folder, "iter_4_checkpoint.pdparams"))
    assert theirs == toy_runs.content(toy_runs.only(runs[0][0].folder, "iter_4_checkpoint.pdparams"))


def test_each_shard_has_its_own_state(config):
    """Two shards have two states in the checkpoint, and each is restored to its own shard."""
    run = toy_runs.train(config, {"accumulate": 2, "total_iters": 2})
    content = toy_runs.content(toy_runs.only(run.folder, "iter_2_checkpoint.pdparams"))
    states = {key: value for key, value in content.items() if key.startswith("extra.shard ")}
    assert set(states) == {"extra.shard 0.centre", "extra.shard 1.centre"}
    assert len(set(states.values())) == 2
    resumed = toy_runs.prepare(config, {"accumulate": 2, "total_iters": 4}, resume=str(run.folder))
    resumed.loader.close()
    resumed.log.close()
    assert {f"extra.shard {shard}.centre": one.tobytes() for shard, one in resumed.task.centres.items()} == states


def test_an_optimizer_of_two_phases_is_rejected(config):
    """Its step in one phase would change the other phase's network, by gradients of zero and by momentum."""
    both = {"optimizer": {"optim": {"name": "Adam", "net_names": ["gen", "disc"]}}}
    with pytest.raises(ConfigError, match=r"optimizer.optim.net_names: gen, disc do not learn in the same step"):
        toy_runs.make_task(config, both)


def test_joined_phases_make_one_step(task):
    """The gradients of both are computed before one step of each optimiser; numbers and callbacks are joined."""
    seen = []
    _, penalty, gen = task.phases
    gen = Phase("generator", ("gen",), gen.work, frozen=(), every=2, after=seen.append)
    joint = join_phases("both", [penalty, gen])
    assert (joint.networks, joint.every, joint.steps) == (("disc", "gen"), 2, 1)
    task.phases = [joint]
    before = weights(task)
    numbers = run_phases(task, [[shard_of(task)]], 1)
    assert set(numbers) == {"loss_disc_drift", "loss_g"} and seen == [numbers]
    assert changed(before, weights(task)) == {"disc", "gen"}
