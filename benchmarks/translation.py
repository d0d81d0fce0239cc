"""A training step of CycleGAN and of the light U-GAT-IT at 128 px and batch 1, on one thread.

With ``PPGAN_EXT_TORCH_PYTHON`` (an interpreter that has PyTorch) the same steps are measured there. The two processes
take turns, step by step, so that what else the machine does hits both. What counts is processor time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.common import ROOT, BenchmarkError, Case, Report, clean_environment, main, make_report, summarise

FAMILIES = ("cyclegan", "ugatit")
_CRITICS = {"cyclegan": {"discriminator": 3}, "ugatit": {"discriminator_g": 7, "discriminator_l": 5}}
_NUM_WARMUPS = 2


def config(family: str, size: int, width: int) -> dict:
    """Return the configuration that is trained, without its data."""
    ugatit = family == "ugatit"
    generator = {"input_nc": 3, "output_nc": 3, "ngf": width, "n_blocks": 4 if ugatit else 6}
    generator |= (
        {"name": "ResnetUGATITGenerator", "img_size": size, "light": True} if ugatit else {"name": "ResnetGenerator"}
    )
    critic = {"name": "UGATITDiscriminator" if ugatit else "NLayerDiscriminator", "input_nc": 3, "ndf": width}
    critics = {name: {**critic, "n_layers": depth} for name, depth in _CRITICS[family].items()}
    losses = {
        "cyclegan": {
            "cycle_criterion": {"name": "L1Loss"},
            "idt_criterion": {"name": "L1Loss", "loss_weight": 0.5},
            "gan_criterion": {"name": "GANLoss", "gan_mode": "lsgan"},
        },
        "ugatit": {
            "l1_criterion": {"name": "L1Loss"},
            "mse_criterion": {"name": "MSELoss"},
            "bce_criterion": {"name": "BCEWithLogitsLoss"},
        },
    }[family]
    data = {
        "name": "UnpairedDataset",
        "dataroot_a": ".",
        "dataroot_b": ".",
        "batch_size": 1,
        "preprocess": [
            *({"name": "LoadImageFromFile", "key": key} for key in "AB"),
            {
                "name": "Transforms",
                "input_keys": ["A", "B"],
                "pipeline": [{"name": "Transpose", "keys": ["image"] * 2}],
            },
        ],
    }
    adam = {"name": "Adam", "beta1": 0.5, **({"weight_decay": 1e-4} if ugatit else {})}
    generators = ["genA2B", "genB2A"] if ugatit else ["netG_A", "netG_B"]
    judges = ["disGA", "disGB", "disLA", "disLB"] if ugatit else ["netD_A", "netD_B"]
    return {
        "total_iters": 1,
        "model": {"name": "UGATITModel" if ugatit else "CycleGANModel", "generator": generator, **critics, **losses},
        "dataset": {"train": data},
        "lr_scheduler": {"name": "MultiStepDecay", "learning_rate": 2e-4, "milestones": [1], "gamma": 0.5},
        "optimizer": {"optimG": {**adam, "net_names": generators}, "optimD": {**adam, "net_names": judges}},
    }


def serve(family: str, size: int, width: int) -> None:
    """Answer every line of stdin with the processor seconds of one step."""
    import yaml

    from ppgan_ext.training import schema
    from ppgan_ext.training.families import FAMILIES as TABLE
    from ppgan_ext.training.processes import Processes
    from ppgan_ext.training.random_streams import RandomStreams

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(yaml.safe_dump(config(family, size, width)), encoding="utf-8")
        settings = schema.read_config(path)
    task = TABLE[settings.model.name].load_task()(settings, Processes(), RandomStreams(0)).build()
    for optimizer in task.optimizers.values():
        optimizer.set_lr(2e-4)
    rng = np.random.default_rng(0)
    batch = {key: rng.uniform(-1, 1, (1, 3, size, size)).astype(np.float32) for key in "AB"}
    print("ready", flush=True)
    for number, _ in enumerate(sys.stdin):
        start = time.process_time()
        task.step([batch], number + 1)
        print(time.process_time() - start, flush=True)


class _Server:
    """A process that answers every line with seconds."""

    def __init__(self, name: str, command: Sequence[str]) -> None:
        environ = {**clean_environment(), "OMP_NUM_THREADS": "1"}
        self._name, self.seconds = name, []
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._answer()

    def step(self) -> None:
        """Make one step."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        self.seconds.append(float(self._answer()))

    def _answer(self) -> str:
        line = self._process.stdout.readline()
        if not line:
            raise BenchmarkError(f"exit code {self._process.wait()}", where=self._name)
        return line

    def case(self) -> Case:
        """Return the seconds of the steps after the first ones, and end the process."""
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()
        return Case(name=self._name, timing=summarise(self.seconds[_NUM_WARMUPS:]), peak_rss_mb=None)


def run(quick: bool, num_repeats: int) -> Report:
    """Measure both families, in turns with PyTorch if it is there."""
    torch_python = os.environ.get("PPGAN_EXT_TORCH_PYTHON")
    size, width = (96, 4) if quick else (128, 64)
    cases, ratios = [], {}
    for family in FAMILIES:
        words = [family, str(size), str(width)]
        servers = [_Server(family, [sys.executable, "-m", "benchmarks.translation", "--serve", *words])]
        if torch_python:
            script = str(Path(__file__).with_name("torch_translation.py"))
            servers.append(_Server(f"{family}, PyTorch", [torch_python, script, *words]))
            ratios[f"{family}: ours / PyTorch"] = (family, f"{family}, PyTorch")
        for _ in range(_NUM_WARMUPS + num_repeats):
            for server in servers:
                server.step()
        cases += [server.case() for server in servers]
    return make_report("translation", quick, cases, ratios)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2], *map(int, sys.argv[3:]))
    else:
        sys.exit(main("translation", run))
