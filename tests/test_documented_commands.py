"""Every command line of README and docs: what can run here runs on toy data, the rest at least parses."""

from __future__ import annotations

import importlib
import re
import runpy
import shlex
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.apps.command_line import main, read_options
from ppgan_ext.apps.commands import COMMANDS
from ppgan_ext.apps.predictor import Predictor
from ppgan_ext.training.command_line import main as train
from tests.reference.drawn import DrawnFace, draw_photo
from tests.reference.remembered import pictures_measured_once
from tests.reference.toy_engine import PlainDistance
from tests.reference.toy_face_model import toy_face_model

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "README_cn.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
SCRIPTS = {
    "age_editing": "age",
    "face_fusion": "fuse",
    "styleganv2": "generate",
    "pixel2style2pixel": "encode",
    "prepare_faces": "prepare",
}
STUDIES = {"evaluate_detection": "detection", "evaluate_fusion": "fusion", "evaluate_model": "models",
           "evaluate_multipie": "multipie", "evaluate_photos": "photos"}  # fmt: skip
PLACEHOLDERS = {"iter_50000": "iter_1", "NAME-DATE": "RUN", "CONFIG": "configs/stylegan2_faces64.yaml"}

_TINY = ("generator.channel_base=64 generator.channel_cap=8 generator.n_mlp=2 discriminator.channel_base=64 "
         "discriminator.channel_cap=8")  # fmt: skip
_SHORT = "total_iters=1 snapshot_config.interval=1 dataset.train.num_workers=0 dataset.train.batch_size=2"
SMALL_RUN = " ".join(f"model.{word}" for word in _TINY.split()) + f" {_SHORT} validate.metrics.fid.num=4"

# What runs, in this order, and what makes it small: (words that are replaced, words that are appended).
RUN: dict[str, tuple[dict[str, str], str]] = {
    "ppgan-ext age --input_image photo.jpg --years 30": ({}, ""),
    "ppgan-ext edit --input_image photo.jpg --edit smile=1 yaw=10": ({}, ""),
    "ppgan-ext encode --input_image a.jpg b.jpg": ({}, ""),
    "ppgan-ext mix --latent1 output_dir/a.npy --latent2 output_dir/b.npy": ({}, ""),
    "ppgan-ext fit --input_image photo.jpg --need_align": ({}, "--step 2"),
    "ppgan-ext generate --n_row 3 --n_col 5": ({}, ""),
    "ppgan-ext generate --seeds 0-31,40 --save_mp4": ({"0-31,40": "0-1"}, ""),
    "ppgan-ext cartoon --input_image photo.jpg": ({}, ""),
    "ppgan-ext doctor": ({}, ""),
    "ppgan-ext age --input_image photo.jpg --years 30 --blend replace --tune 60 --save_tuned": (
        {"60": "1"}, "--detail 0 --grey 0",
    ),
    "ppgan-ext mix --latent1 a.jpg --latent2 b.jpg --tune 60": ({"60": "1"}, ""),
    "ppgan-ext fuse --photo photo_a.jpg --person person_b.jpg --method warp": ({}, ""),
    "ppgan-ext fuse --photo group.jpg --photo_face 2 --person person_b.jpg --identity 0.8 --shape 0.3 --skin mix "
    "--save_steps --save_mp4": ({}, "--method warp"),
    "python applications/tools/age_editing.py --input_image photo.jpg --years -20 20 40 --output_path out": (
        {}, "--detail 0 --grey 0",
    ),
    "python applications/tools/age_editing.py --input_image folder/ --target_age 70 --save_gif": (
        {}, "--detail 0 --grey 0",
    ),
    "python applications/tools/face_fusion.py --photo photo_a.jpg --person person_b.jpg --output_path out": (
        {}, "--method warp",
    ),
    "python tools/prepare_faces.py --input photos/ --output faces/ --size 64 --crop tight": (
        {"faces/": "prepared/"}, "--jobs 1",
    ),
    "python tools/main.py -c configs/stylegan2_faces64.yaml -o dataset.train.dataroot=faces "
    "dataset.test.dataroot=faces": ({}, SMALL_RUN),
    "python tools/main.py --resume output_dir/RUN": ({}, "-o total_iters=2"),
    "python tools/main.py --evaluate-only --load output_dir/RUN/iter_50000_weight.pdparams": ({}, ""),
    "python tools/extract_weight.py output_dir/RUN/iter_50000_checkpoint.pdparams --net-name gen_ema --output "
    "generator.pdparams": ({"iter_1": "iter_2"}, ""),
    "python tools/plot_log.py output_dir/RUN": ({}, ""),
    "python tools/find_directions.py --images faces/ --aligned --labels labels.csv --output raw.safetensors": (
        {}, "--num_components 4",
    ),
}  # fmt: skip

# What only has to parse: how the line begins (the longest one counts), and why it cannot run here.
NOT_RUN = {
    "make": "installs from the package index, or runs this very test",
    "ppgan-ext page": "serves until Ctrl-C: tests/web",
    "pip": "installs from the package index",
    "python3 -m venv": "makes an environment to install into",
    "python -m paddle.distributed.launch": "two processes: tests/training/test_training_processes.py",
    "python tools/evaluate_": "minutes of work: tests/apps/studies",
    "python tools/main.py": "another data set or length than the lines that run, or a large model",
    "python tools/prepare_faces.py": "as the line that runs, on other photos",
    "python tools/prepare_pairs.py": "two folders of one's own: tests/apps/test_apps_pairs.py",
    "python tools/find_directions.py": "as the line that runs, under another name of the folder",
    "python tools/calibrate_directions.py": "a toy model does not follow directions: tests/tools",
    "python tools/convert_weights.py": "checkpoints of other projects: tests/weights",
    "python tools/extract_weight.py": "as the line that runs, on another checkpoint",
    "python tools/export_model.py": "a network of 256 pixels: tests/tools/test_export_model.py",
    "python applications/tools/pixel2style2pixel.py": "weights of an encoder's training: tests/training",
    "python applications/tools/styleganv2.py": "NVIDIA's pickle: tests/weights",
    "ppgan-ext edit --input_image photo.jpg --edit smile=1 --blend": "the tuned model belongs to the bundled one",
    "ppgan-ext edit --input_image photo.jpg --edit smile=1 --direction_path": "fitted on noise, it measures nothing",
    "python tools/inference.py": "weights of a training: tests/training/test_training_inference.py",
    "ppgan-ext translate": "weights of a training: tests/apps/translation",
    "ppgan-ext cartoon": "as the line that runs, larger and pasted: tests/apps/translation",
    "ppgan-ext fuse --photo photos/": "refinement of many pairs: tests/apps/test_apps_fuse.py",
    "ppgan-ext fuse --photo a.jpg": "the rotator belongs to the bundled model: tests/apps/fusion",
}


def commands_of(page):
    """The indented command lines of a page, without comments; lines that end in a backslash continue."""
    text = re.sub(r" *\\\n +", " ", page.read_text(encoding="utf-8"))
    lines = re.findall(r"^    ((?:ppgan-ext|python3?|pip|make) .*)$", text, re.MULTILINE)
    return [re.sub(r"\s+# .*", "", line).rstrip() for line in lines]


DOCUMENTED = list(dict.fromkeys(line for page in PAGES for line in commands_of(page)))


def reason_not_to_run(line):
    return max((start for start in NOT_RUN if line.startswith(start)), key=len, default=None)


def test_every_line_runs_here_or_has_a_reason_why_it_does_not():
    assert [line for line in RUN if line not in DOCUMENTED] == []
    others = [line for line in DOCUMENTED if line not in RUN]
    assert [line for line in others if reason_not_to_run(line) is None] == []
    assert set(map(reason_not_to_run, others)) == set(NOT_RUN)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A folder with everything that the lines name: photos, faces, labels, a run."""
    folder = tmp_path_factory.mktemp("documented")
    for name in ("tools", "applications", "configs", "Makefile"):
        (folder / name).symlink_to(ROOT / name)
    drawings = [[DrawnFace((150.0, 140.0), 58.0, yaw_degrees=yaw)] for yaw in (-14, 6)]
    pictures = [draw_photo((310, 290), faces, seed=4)[0] for faces in drawings]
    group = draw_photo((620, 290), [DrawnFace((150.0, 140.0), 58.0), DrawnFace((450.0, 140.0), 50.0)], seed=4)[0]
    for name, picture in zip(
        ("photo", "photo_a", "a", "person_b", "b"), pictures[:1] * 3 + pictures[1:] * 2, strict=True
    ):
        PIL.Image.fromarray(picture).save(folder / f"{name}.jpg", quality=95)
    PIL.Image.fromarray(group).save(folder / "group.jpg", quality=95)
    for name in ("folder", "photos"):
        (folder / name).mkdir()
        PIL.Image.fromarray(pictures[0]).save(folder / name / "one.png")
    (folder / "faces").mkdir()
    rng = np.random.default_rng(0)
    for number in range(24):
        noise = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        PIL.Image.fromarray(noise).resize((64, 64)).save(folder / "faces" / f"f{number:02d}.png")
    rows = [f"f{number:02d}.png,{20 + 2 * number},{number % 2}" for number in range(24)]
    (folder / "labels.csv").write_text("\n".join(["name,age,gender", *rows]) + "\n")
    return folder


def words_of(line, workspace, replaced=()):
    """The words of a line, with what stands for a user's own names filled in."""
    words = shlex.split(line)
    for old, new in [*PLACEHOLDERS.items(), *dict(replaced).items()]:
        words = [word.replace(old, new) if old != word else new for word in words]
    runs = sorted(workspace.glob("output_dir/stylegan2_faces64-*"))
    return [word.replace("output_dir/RUN", str(runs[0])) if runs else word for word in words]


def execute(words, monkeypatch):
    """Run a command in this process; return its exit code."""
    if words[0] == "ppgan-ext":
        return main(words[1:])
    monkeypatch.setattr(sys, "argv", words[1:])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(words[1], run_name="__main__")
    return ended.value.code


@pytest.mark.slow
def test_what_can_run_runs(workspace, monkeypatch, capsys):
    from ppgan_ext.engine import open_model

    engine = open_model(toy_face_model(workspace), device="cpu", compiled=False)
    monkeypatch.setattr(Predictor, "engine", engine)
    monkeypatch.setattr(Predictor, "perceptual", PlainDistance())
    monkeypatch.setattr("ppgan_ext.apps.directions.fit.open_encoding_model", lambda *_: engine)
    monkeypatch.chdir(workspace)
    with pictures_measured_once():
        for line, (replaced, more) in RUN.items():
            words = [*words_of(line, workspace, replaced), *more.split()]
            if "main.py" in line:
                words.append("--no-cuda")
            code = execute(words, monkeypatch)
            assert code == 0, f"{line}\n{capsys.readouterr().err}"
    for file in ("a.npy", "b.npy", "photo.tuned.safetensors", "photo_a+person_b.fused.png"):
        assert (workspace / "output_dir" / file).is_file()


@pytest.mark.parametrize("line", [line for line in DOCUMENTED if line not in RUN])
def test_the_rest_is_understood(line, workspace, monkeypatch, capsys):
    monkeypatch.chdir(workspace)
    words = words_of(line, workspace)
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
        return
    if words[0] in ("pip", "python3"):
        return
    if "tools/main.py" in words:
        rest = words[words.index("tools/main.py") + 1 :]
        if "-c" not in rest:
            run = workspace / "output_dir" / "RUN"
            run.mkdir(parents=True, exist_ok=True)
            (run / "config.yaml").write_bytes((ROOT / "configs" / "stylegan2_faces64.yaml").read_bytes())
        assert train([*rest, "--dry-run"]) == 0
        return
    script = None if words[0] == "ppgan-ext" else Path(words[1])
    if script is None or script.stem in SCRIPTS:
        name = words[1] if script is None else SCRIPTS[script.stem]
        read_options(COMMANDS[name], words[2:], name)
    elif script.stem in STUDIES:
        module = importlib.import_module(f"ppgan_ext.apps.studies.{STUDIES[script.stem]}.command_line")
        read_options(module.COMMAND, words[2:], script.name)
    else:  # it reaches its input, which does not exist here
        monkeypatch.chdir(ROOT)
        assert execute(words, monkeypatch) == 1
        assert "no such file" in capsys.readouterr().err
