"""Rank-1 recognition on a user's own Multi-PIE, by yaw, of the photos and of frontal pictures made from them.

The protocol is TP-GAN's (arXiv 1704.04086, section 4.2): one frontal picture of each test subject is the gallery, all
others are probes, and a probe is recognised when the nearest picture of the gallery shows its subject.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from ppgan_ext import files
from ppgan_ext.apps.options import Options, option
from ppgan_ext.apps.predictor import Progress, no_progress
from ppgan_ext.data.image_source import BadFileError, ImageSource
from ppgan_ext.data.multipie import GALLERY_ILLUMINATION, MultiPieSource, find_shot, open_multipie, recognition_protocol
from ppgan_ext.data.sources import open_source
from ppgan_ext.errors import InputError
from ppgan_ext.images import to_pixels
from ppgan_ext.metrics.rank1 import Measure, rank1_hits
from ppgan_ext.types import FloatArray

if TYPE_CHECKING:
    from ppgan_ext.losses.identity import IdentityDistance

_AT_ONCE = 32
_SHOWN = 3  # so many names in a note


class RecognitionOptions(Options):
    """Options of tools/evaluate_multipie.py."""

    input: str | None = option(
        None, "aligned Multi-PIE: the folder that holds session01/multiview/... (docs/data.md)", group="input"
    )
    synthesised: str | None = option(
        None, "frontal pictures made from the probes, in any folders, whose names begin as the probes' do",
        group="input",
    )  # fmt: skip
    setting: int = option(
        2, "1: session 1, subjects 151-250; 2: all sessions, subjects from 201", group="input", ge=1, le=2
    )
    max_yaw: float = option(90.0, "leave out cameras that see a larger angle, degrees", group="input", ge=0, le=90)
    gallery_light: int = option(
        GALLERY_ILLUMINATION, "illumination of the gallery's pictures", group="input", ge=0, le=19
    )
    network: Literal["dlib-resnet", "arcface-ir-se50"] = option(
        "dlib-resnet", "network that describes the faces", group="face"
    )
    weight_path: str | None = option(None, "local file of that network", group="face")
    crop: Literal["tight", "ffhq", "chip"] = option(
        "tight", "how the pictures are aligned; chip: as the network itself takes them", group="face"
    )
    measure: Measure | None = option(
        None, "distance of descriptors (default: euclidean for dlib-resnet, cosine for arcface-ir-se50)", group="face"
    )
    output_path: str = option("multipie", "folder for rank1.json and rank1.md", group="output")


@dataclass(frozen=True)
class Described:
    """Descriptors of pictures.

    Attributes:
        indices: of the pictures that could be read, in their source.
        rows: (len(indices), F) float64.
        bad: name -> why it could not be read.
    """

    indices: list[int]
    rows: FloatArray
    bad: dict[str, str]


def study(options: RecognitionOptions, progress: Progress = no_progress) -> tuple[dict[str, Any], list[Path]]:
    """Measure, and write ``rank1.json`` and ``rank1.md`` into the output folder.

    A photo that cannot be read is left out and counted. A probe for which there is no synthesised picture, or none that
    can be read, counts as not recognised by it: a method does not gain by leaving out what it cannot do.

    Returns:
        The record, and the files written.

    Raises:
        InputError: there are no such pictures, or no synthesised one belongs to a probe.
        WeightsError: the network cannot be had.
    """
    if not options.input:
        raise InputError("--input is missing", cure="Give the folder that holds session01/multiview/...")
    source = open_multipie(options.input, options.setting, "test", max_yaw=options.max_yaw)
    protocol = recognition_protocol(source, options.gallery_light)
    made = None if options.synthesised is None else _match(options.synthesised, source, protocol.probes)
    recogniser = _Recogniser(options, progress)
    gallery = recogniser.describe(source, protocol.gallery, "describing the gallery")
    probes = recogniser.describe(source, protocol.probes, "describing the probes")
    if not gallery.indices:
        raise InputError("no picture of the gallery can be read", where=source, cure="Check the files")
    people, bad, num_missing = source.column("subject"), gallery.bad | probes.bad, 0
    known = people[gallery.indices]
    enrolled = np.isin(people[probes.indices], known)  # the picture of the gallery could be read
    kept = [index for index, there in zip(probes.indices, enrolled, strict=True) if there]
    hits = {"photos": recogniser.hits(probes.rows[enrolled], people[kept], gallery.rows, known)}
    if made is not None:
        results = recogniser.describe_for(kept, *made)
        there = ~np.isnan(results.rows[:, 0])
        hits["synthesised"] = np.zeros(len(kept), bool)
        hits["synthesised"][there] = recogniser.hits(results.rows[there], people[kept][there], gallery.rows, known)
        bad, num_missing = bad | results.bad, int((~there).sum())
    record = {
        "setting": options.setting, "network": options.network, "crop": options.crop, "measure": recogniser.measure,
        "gallery": len(gallery.indices), "gallery_light": options.gallery_light, "probes": len(kept),
        "without_gallery": protocol.without_gallery, "misnamed": source.misnamed, "unreadable": bad,
        "without_synthesised": num_missing,
        "rows": [asdict(row) for row in by_yaw(source.column("yaw")[kept], hits)],
    }  # fmt: skip
    folder = files.make_folder(options.output_path)
    written = [folder / "rank1.json", folder / "rank1.md"]
    files.write_bytes(written[0], json.dumps(record, indent=1).encode())
    files.write_bytes(written[1], to_markdown(record).encode())
    return record, written


class _Recogniser:
    """The network and the distance that the options ask for."""

    def __init__(self, options: RecognitionOptions, progress: Progress) -> None:
        from ppgan_ext.losses.identity import identity_network

        template = None if options.crop == "chip" else options.crop
        self._network = identity_network(options.network, options.weight_path, template=template)
        self._progress = progress
        usual: Measure = "euclidean" if options.network == "dlib-resnet" else "cosine"
        self.measure: Measure = options.measure or usual

    def describe(self, source: ImageSource, indices: Sequence[int], task: str) -> Described:
        """Describe pictures."""
        return describe(self._network, source, indices, self._progress, task)

    def describe_for(self, probes: Sequence[int], source: ImageSource, numbers: Mapping[int, int]) -> Described:
        """Describe what was made of the probes: a row for each of them, of NaN where there is nothing."""
        found = self.describe(source, [numbers[i] for i in probes if i in numbers], "describing what was made of them")
        rows = np.full((len(probes), found.rows.shape[1]), np.nan)
        place = {number: row for row, number in enumerate(found.indices)}
        for row, probe in enumerate(probes):
            if (number := numbers.get(probe)) in place:
                rows[row] = found.rows[place[number]]
        return Described(list(probes), rows, found.bad)

    def hits(
        self, probes: FloatArray, people: npt.NDArray, gallery: FloatArray, known: npt.NDArray
    ) -> npt.NDArray[np.bool_]:
        """See `rank1_hits`."""
        return rank1_hits(probes, people, gallery, known, self.measure)


def describe(
    network: IdentityDistance, source: ImageSource, indices: Sequence[int], progress: Progress = no_progress,
    task: str = "describing",
) -> Described:  # fmt: skip
    """Describe pictures of a source, each at its own size."""
    kept: list[int] = []
    rows: list[FloatArray] = []
    bad: dict[str, str] = {}
    for first in range(0, len(indices), _AT_ONCE):
        progress(task, first, len(indices))
        images = []
        for index in indices[first : first + _AT_ONCE]:
            try:
                images.append((index, source.read(index)))
            except BadFileError as error:
                bad[source.name(index)] = error.what
        for _, group in itertools.groupby(images, key=lambda item: item[1].shape):
            numbers, alike = zip(*group, strict=True)
            rows.append(
                _descriptors(network, np.concatenate([to_pixels(image) for image in alike]), source.name(numbers[0]))
            )
            kept += numbers
    shape = (0, network.num_features)
    return Described(kept, np.concatenate([np.zeros(shape), *rows]), bad)


def _descriptors(network: IdentityDistance, pixels: FloatArray, name: str) -> FloatArray:
    import paddle

    height, width = pixels.shape[2:]
    if height != width:
        cure = "Align the photos first: tools/prepare_faces.py, see docs/data.md"
        raise InputError(f"is {width} x {height} pixels, not an aligned square", where=name, cure=cure)
    return np.asarray(network.prepare(paddle.to_tensor(pixels)).numpy(), np.float64)


def _match(folder: str, source: MultiPieSource, probes: Sequence[int]) -> tuple[ImageSource, dict[int, int]]:
    """Find the synthesised picture of each probe: probe -> its number in the other source."""
    others = open_source(folder)
    of_shot = {shot: i for i in reversed(range(len(others))) if (shot := find_shot(others.name(i))) is not None}
    numbers = {index: of_shot[source.shots[index]] for index in probes if source.shots[index] in of_shot}
    if not numbers:
        cure = "Name each picture as the photo that it was made from: SSS_TT_RR_CCC_LL..."
        raise InputError("no picture in it belongs to a probe", where=folder, cure=cure)
    return others, numbers


@dataclass(frozen=True)
class YawRow:
    """Recognition at one angle.

    Attributes:
        yaw: degrees to either side; None for all angles together.
        num: probes.
        rates: what was described -> share recognised.
        left, right: the same of heads turned to image left and right; empty at 0 and for all.
    """

    yaw: int | None
    num: int
    rates: dict[str, float]
    left: dict[str, float]
    right: dict[str, float]


def by_yaw(yaws: npt.NDArray, hits: Mapping[str, npt.NDArray[np.bool_]]) -> list[YawRow]:
    """Count hits by angle to either side, as TP-GAN's tables do, and to each; the last row is of all probes.

    Args:
        yaws: of the probes, (P,), degrees, positive to image right.
        hits: what was described -> (P,) bool.
    """

    def rates(chosen: npt.NDArray[np.bool_]) -> dict[str, float]:
        return {name: float(values[chosen].mean()) for name, values in hits.items()} if chosen.any() else {}

    rows = []
    for yaw in sorted({abs(int(value)) for value in yaws}):
        left, right = (rates(yaws == side) if yaw else {} for side in (-yaw, yaw))
        rows.append(YawRow(yaw, int((abs(yaws) == yaw).sum()), rates(abs(yaws) == yaw), left, right))
    return [*rows, YawRow(None, len(yaws), rates(np.ones(len(yaws), bool)), {}, {})]


def to_markdown(record: Mapping[str, Any]) -> str:
    """Write the record as a table with notes."""
    names = list(record["rows"][-1]["rates"])
    lines = [
        f"Rank-1 recognition, Multi-PIE setting {record['setting']}: {record['gallery']} people in the gallery (camera"
        f" 05_1, illumination {record['gallery_light']:02d}), {record['probes']} probes; {record['network']},"
        f" {record['measure']} distance, crop {record['crop']}.",
        "",
        "| yaw | probes | " + " | ".join(names) + " |",
        "|---" * (2 + len(names)) + "|",
    ]
    for row in record["rows"]:
        yaw = "all" if row["yaw"] is None else f"{'±' if row['yaw'] else ''}{row['yaw']}°"
        shares = " | ".join(f"{row['rates'][name]:.1%}" for name in names)
        lines.append(f"| {yaw} | {row['num']} | {shares} |")
    lines += ["", *_notes(record)]
    return "\n".join(lines).rstrip() + "\n"


def _notes(record: Mapping[str, Any]) -> list[str]:
    notes = []
    if record["without_synthesised"]:
        notes.append(f"{record['without_synthesised']} probes have no synthesised picture and count as not recognised")
    for key, what in (
        ("without_gallery", "people have no such frontal picture and are left out"),
        ("unreadable", "pictures cannot be read"),
        ("misnamed", "files or folders are not named as Multi-PIE's and are left out"),
    ):
        if record[key]:
            first = ", ".join(str(item) for item in list(record[key])[:_SHOWN])
            notes.append(f"{len(record[key])} {what}: {first}{', ...' if len(record[key]) > _SHOWN else ''}")
    return [f"* {note}" for note in notes]


def main(argv: Sequence[str] | None = None) -> int:
    """Run tools/evaluate_multipie.py and return its exit code."""
    from ppgan_ext import console
    from ppgan_ext.apps.command_line import run_tool
    from ppgan_ext.apps.commands import Command
    from ppgan_ext.apps.progress import Bars

    def run(options: RecognitionOptions) -> int:
        with Bars() as bars:
            record, written = study(options, bars)
        print(to_markdown(record), end="")
        print("\n".join(map(str, written)))
        return console.DONE

    examples = (
        "--input multipie_aligned/ --setting 2",
        "--input multipie_aligned/ --synthesised frontal/ --max_yaw 75",
    )
    command = Command(RecognitionOptions, "Measure rank-1 recognition on your own Multi-PIE, by yaw.", examples, run)
    return run_tool(command, argv, "evaluate_multipie.py", "interrupted; nothing is written")
