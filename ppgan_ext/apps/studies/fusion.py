"""How well faces are fused: pose, identity, seam and time of each method, over the difference of yaw of two photos."""

from __future__ import annotations

import csv
import io
import itertools
import json
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from pydantic import BeforeValidator

from ppgan_ext import files, pictures, seeding
from ppgan_ext.apps.fusion.options import FuseOptions
from ppgan_ext.apps.fusion.predictor import FaceFusionPredictor, FusionResult
from ppgan_ext.apps.options import option
from ppgan_ext.apps.predictor import Progress, no_progress
from ppgan_ext.data.image_source import ImageSource
from ppgan_ext.data.sources import open_source
from ppgan_ext.errors import ConfigError, InputError, PpganExtError
from ppgan_ext.images import read_image
from ppgan_ext.metrics.pose import pose_difference
from ppgan_ext.types import Image

SAME_PERSON = 0.6
EDGES = (0.0, 10.0, 20.0, 25.0, 30.0, 40.0, 180.0)  # of the groups of yaw difference, degrees
_NUM_EXAMPLES = 12
_TRIES = 400  # random pairs per pair wanted, before we say that there are no more

# "rotator" is the latent method with --pose_method rotator.
Compared: TypeAlias = Literal["warp", "latent", "rotator"]
Methods = Annotated[list[Compared], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]


class StudyOptions(FuseOptions):
    """Options of tools/evaluate_fusion.py: those of the fusion, and what is measured."""

    input: str | None = option(None, "photos with one face each: a folder, a .zip or an .npz pack", group="input")
    csv: str | None = option(None, "instead: a CSV with the columns source and target, files beside it", group="input")
    last: int = option(0, "only the last so many photos of --input, e.g. those held back (0: all)", group="input", ge=0)
    num_pairs: int = option(100, "pairs to draw from --input", group="input", ge=1, le=100_000)
    min_yaw: float = option(
        20.0, "least difference of yaw between the photos of a pair, degrees", group="input", ge=0.0, le=180.0
    )
    methods: Methods = option(["warp", "latent"], "methods to measure, side by side", group="face")


@dataclass(frozen=True)
class Measured:
    """One pair by one method.

    Attributes:
        source, target: names of the photos.
        method: "warp", "latent" or "rotator".
        yaw_difference: between the two photos, degrees.
        yaw_error, pitch_error: between the result and the source photo, degrees.
        pose_error: the root of the sum of both squares.
        identity_to_target, identity_to_source: distances of dlib's descriptors.
        border_step, border_step_photo: mean colour step across the mask's border, CIE76; and of the photo there.
        seconds: the fusion alone, both photos in memory, the model loaded.
        reached: False where the model could not turn the face as far as the photo's.
        error: why there is no result; the figures are then NaN.
    """

    source: str
    target: str
    method: str
    yaw_difference: float = float("nan")
    yaw_error: float = float("nan")
    pitch_error: float = float("nan")
    pose_error: float = float("nan")
    identity_to_target: float = float("nan")
    identity_to_source: float = float("nan")
    border_step: float = float("nan")
    border_step_photo: float = float("nan")
    seconds: float = float("nan")
    reached: bool = True
    error: str = ""


@dataclass(frozen=True, eq=False)
class PhotoPair:
    """Two photos by name, read when they are needed."""

    source: str
    target: str
    photos: Callable[[str], Image]

    def read(self) -> tuple[Image, Image]:
        """Read both."""
        return self.photos(self.source), self.photos(self.target)


def study(options: StudyOptions, progress: Progress = no_progress) -> list[Path]:
    """Measure every pair by every method, and write tables, plot and examples into the output folder.

    Written: ``pairs.csv`` (a line as each is done), ``fusion.json``, ``fusion.md``, ``fusion.png``, ``examples.png``.

    Args:
        options: what to measure.
        progress: called while it goes on.

    Returns:
        The files written.

    Raises:
        ConfigError: neither or both of ``input`` and ``csv``, or matplotlib is missing.
        InputError: photos cannot be opened, or there are no such pairs.
    """
    check_plots()
    folder = files.make_folder(options.output_path)
    pairs = choose_pairs(options, progress)
    predictor = FaceFusionPredictor.from_options(options.model_copy(update={"output_path": None}))
    predictor.output_path = None
    for method in options.methods:
        predictor.prepare(_with_method(options, method))
    found: list[Measured] = []
    examples: list[Image] = []
    table = folder / "pairs.csv"
    files.write_bytes(table, _csv_line([field.name for field in fields(Measured)]).encode())
    for done, pair in enumerate(pairs):
        progress("fusing pairs", done, len(pairs))
        tiles = list(pair.read())
        for method in options.methods:
            measured, result = measure(predictor, pair, _with_method(options, method), method)
            files.append_text(table, _csv_line(asdict(measured).values()))
            found.append(measured)
            tiles += [] if result is None else [result.image]
        if len(examples) < _NUM_EXAMPLES and len(tiles) == 2 + len(options.methods):
            examples.append(pictures.strip(tiles, _labels(found[-len(options.methods) :]), 192))
    summary = summarise(found)
    written = [table, folder / "fusion.json", folder / "fusion.md", folder / "fusion.png"]
    files.write_bytes(written[1], json.dumps(summary, indent=1).encode())
    files.write_bytes(written[2], to_markdown(summary).encode())
    plot(found, written[3])
    if examples:
        width = max(row.shape[1] for row in examples)
        rows = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in examples]
        written.append(pictures.write_image(folder / "examples.png", np.concatenate(rows)))
    return written


def _with_method(options: StudyOptions, method: Compared) -> StudyOptions:
    chosen = {"method": method}
    if method == "rotator":
        chosen = {"method": "latent", "pose_method": "rotator"}
    return options.model_copy(update=chosen)


def _labels(measured: Sequence[Measured]) -> list[str]:
    return [
        "source",
        f"target, {measured[0].yaw_difference:.0f} degrees apart",
        *(f"{m.method}: pose {m.pose_error:.1f}, identity {m.identity_to_target:.2f}" for m in measured),
    ]


def measure(
    predictor: FaceFusionPredictor, pair: PhotoPair, options: FuseOptions, name: str
) -> tuple[Measured, FusionResult | None]:
    """Fuse one pair and measure the result; ``name`` is what to call the method."""
    from ppgan_ext.apps.fusion.pose_transfer import PoseLimitWarning

    copied = ("identity", "method", "shape", "skin", "pose_method", "rotator_path", "refine", "tune")
    settings = {key: getattr(options, key) for key in copied}
    weights: dict[str, float] = {**options.weights}  # type: ignore[dict-item]
    try:
        photos = pair.read()
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always", PoseLimitWarning)
            start = time.perf_counter()
            result = predictor.run(
                *photos, **settings, weights=weights, fit_steps=options.fit_steps,
                source_face="largest", target_face="largest",
            )  # fmt: skip
            seconds = time.perf_counter() - start
    except PpganExtError as error:
        return Measured(pair.source, pair.target, name, error=str(error)), None
    assert isinstance(result, FusionResult)
    yaw, pitch, _ = pose_difference(result.matched_pose, result.source_pose)
    face = result.faces[0]
    measured = Measured(
        pair.source, pair.target, name,
        yaw_difference=pose_difference(result.source_pose, result.target_pose)[0],
        yaw_error=yaw, pitch_error=pitch, pose_error=float(np.hypot(yaw, pitch)),
        identity_to_target=result.identity_to_target, identity_to_source=result.identity_to_source,
        border_step=face.border_step, border_step_photo=face.border_step_before, seconds=seconds,
        reached=not any(issubclass(item.category, PoseLimitWarning) for item in said),
    )  # fmt: skip
    return measured, result


def choose_pairs(options: StudyOptions, progress: Progress = no_progress) -> list[PhotoPair]:
    """Read the pairs of the CSV, or draw such as are far enough apart in yaw.

    Raises:
        ConfigError: neither or both of ``input`` and ``csv``.
        InputError: there are no such pairs.
    """
    if (options.input is None) == (options.csv is None):
        raise ConfigError("give either photos or a list of pairs", cure="Use --input folder or --csv pairs.csv")
    if options.csv is not None:
        return _listed(Path(options.csv))
    source = open_source(str(options.input))
    first = max(0, len(source) - options.last) if options.last else 0
    yaws = _yaws(source, range(first, len(source)), progress)
    rng = seeding.generator(options.seed or 0)
    indices = np.array(list(yaws))
    photos = _Photos(source)
    chosen: dict[tuple[int, int], PhotoPair] = {}
    for _ in range(_TRIES * options.num_pairs):
        if len(chosen) == options.num_pairs or len(indices) < 2:
            break
        a, b = (int(i) for i in rng.choice(indices, 2, replace=False))
        if abs(yaws[a] - yaws[b]) >= options.min_yaw:
            chosen.setdefault((a, b), PhotoPair(source.name(a), source.name(b), photos))
    if not chosen:
        raise InputError(
            f"no two faces are {options.min_yaw:g} degrees of yaw apart", where=options.input, cure="Lower --min_yaw"
        )
    return list(chosen.values())


class _Photos:
    """Reads photos of a source by name."""

    def __init__(self, source: ImageSource) -> None:
        self._source = source
        self._index = {source.name(i): i for i in range(len(source))}

    def __call__(self, name: str) -> Image:
        return self._source.read(self._index[name])


def _yaws(source: ImageSource, indices: Iterable[int], progress: Progress) -> dict[int, float]:
    """Measure the yaw of each photo's only face; photos without one are left out."""
    from ppgan_ext.faces.detect import find_faces
    from ppgan_ext.faces.pose import head_pose

    wanted, found = list(indices), {}
    for done, index in enumerate(wanted):
        progress("measuring poses", done, len(wanted))
        try:
            photo = source.read(index)
        except InputError:
            continue
        faces = find_faces(photo)
        if len(faces) == 1:
            found[index] = head_pose(faces[0].landmarks, (photo.shape[1], photo.shape[0])).yaw_degrees
    return found


def _listed(path: Path) -> list[PhotoPair]:
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read ({error})", where=path, cure="Check the path") from error
    pairs = []
    for number, row in enumerate(rows, start=2):
        if not row.get("source") or not row.get("target"):
            raise InputError("has no source or no target", where=f"{path}:{number}", cure="Begin with 'source,target'")
        first, second = (str(path.parent / row[side]) for side in ("source", "target"))
        pairs.append(PhotoPair(first, second, read_image))
    if not pairs:
        raise InputError("lists no pairs", where=path, cure="Begin with 'source,target', then a pair in each line")
    return pairs


def summarise(found: Sequence[Measured]) -> dict[str, Any]:
    """Average the figures of each method, over all pairs and over each group of yaw difference.

    Returns:
        ``{"groups": [{"method", "yaw_from", "yaw_to", "pairs", "failed", figures}, ...]}``; means, and shares for
        ``same_person`` and ``reached``.
    """
    groups = []
    methods = list(dict.fromkeys(item.method for item in found))
    for low, high in [(EDGES[0], EDGES[-1]), *itertools.pairwise(EDGES)]:
        for method in methods:
            items = [m for m in found if m.method == method and not m.error and low <= m.yaw_difference < high]
            if not items:
                continue
            figures = {name: float(np.mean([getattr(m, name) for m in items])) for name in _FIGURES}
            whole = (low, high) == (EDGES[0], EDGES[-1])
            groups.append(
                {"method": method, "yaw_from": low, "yaw_to": high, "pairs": len(items), **figures}
                | {"failed": sum(bool(m.error) and m.method == method for m in found) if whole else 0}
                | {"same_person": float(np.mean([m.identity_to_target < SAME_PERSON for m in items]))}
            )
    return {"groups": groups}


_FIGURES = (
    "pose_error", "yaw_error", "pitch_error", "identity_to_target", "identity_to_source", "border_step",
    "border_step_photo", "seconds", "reached",
)  # fmt: skip


def to_markdown(summary: Mapping[str, Any]) -> str:
    """Write the summary as a table."""
    lines = [
        "| yaw apart | method | pairs | failed | pose error | yaw | pitch | identity to target | same person |"
        " to source | border step | photo's own | pose reached | seconds |",
        "|---" * 14 + "|",
    ]
    for group in summary["groups"]:
        apart = "all" if group["yaw_to"] == EDGES[-1] and not group["yaw_from"] else f"{group['yaw_from']:g} to "
        apart += "" if apart == "all" else (f"{group['yaw_to']:g}" if group["yaw_to"] < EDGES[-1] else "more")
        lines.append(
            f"| {apart} | {group['method']} | {group['pairs']} | {group['failed']} | {group['pose_error']:.2f} |"
            f" {group['yaw_error']:.2f} | {group['pitch_error']:.2f} | {group['identity_to_target']:.3f} |"
            f" {group['same_person']:.0%} | {group['identity_to_source']:.3f} | {group['border_step']:.2f} |"
            f" {group['border_step_photo']:.2f} | {group['reached']:.0%} | {group['seconds']:.2f} |"
        )
    return "\n".join(lines) + "\n"


def check_plots() -> None:
    """Raise a ConfigError where matplotlib is missing: before the work, not after it."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ConfigError("matplotlib is not installed", where="plot", cure="pip install matplotlib") from error


def plot(found: Sequence[Measured], path: Path) -> None:
    """Draw each figure over the difference of yaw: a dot for each pair, a line through the groups' means."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6.4), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, 2).ravel()
    shown = (
        ("pose_error", "pose error to the source, degrees"), ("identity_to_target", "identity distance to the target"),
        ("border_step", "colour step at the border minus the photo's"), ("seconds", "seconds"),
    )  # fmt: skip
    methods = list(dict.fromkeys(item.method for item in found))
    for panel, (name, title) in zip(panels, shown, strict=True):
        for number, method in enumerate(methods):
            items = [m for m in found if m.method == method and not m.error]
            x = np.array([m.yaw_difference for m in items])
            y = np.array([getattr(m, name) - (m.border_step_photo if name == "border_step" else 0.0) for m in items])
            panel.plot(x, y, ".", color=f"C{number}", alpha=0.35, markersize=4)
            panel.plot(*_group_means(x, y), "-o", color=f"C{number}", label=method, markersize=4)
        panel.set_title(title, fontsize=10)
        panel.set_xlabel("difference of yaw between the photos, degrees", fontsize=8)
        panel.tick_params(labelsize=8)
        panel.grid(alpha=0.3)
    panels[1].axhline(SAME_PERSON, color="grey", linewidth=0.8, linestyle="--")
    panels[2].axhline(0.0, color="grey", linewidth=0.8, linestyle="--")
    panels[3].set_yscale("log")
    panels[0].legend(fontsize=9)
    with files.atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def _group_means(x: Any, y: Any) -> tuple[list[float], list[float]]:
    groups = [(x >= low) & (x < high) for low, high in itertools.pairwise(EDGES)]
    return [float(x[g].mean()) for g in groups if g.any()], [float(y[g].mean()) for g in groups if g.any()]


def _csv_line(values: Iterable[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(f"{v:.6g}" if isinstance(v, float) else v for v in values)
    return line.getvalue()


def main(argv: Sequence[str] | None = None) -> int:
    """Run tools/evaluate_fusion.py and return its exit code."""
    from ppgan_ext import console
    from ppgan_ext.apps.command_line import run_tool
    from ppgan_ext.apps.commands import Command
    from ppgan_ext.apps.progress import Bars

    def run(options: StudyOptions) -> int:
        with Bars() as bars:
            written = study(options, bars)
        print((Path(options.output_path) / "fusion.md").read_text(encoding="utf-8"), end="")
        print("\n".join(map(str, written)))
        return console.DONE

    examples = ("--input faces/ --num_pairs 100 --output_path study", "--csv pairs.csv --methods warp")
    command = Command(StudyOptions, "Measure how well faces are fused, over the difference of yaw.", examples, run)
    return run_tool(command, argv, "evaluate_fusion.py", "interrupted; pairs.csv holds what was measured")
