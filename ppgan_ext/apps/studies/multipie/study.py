"""The Multi-PIE study: rank-1 recognition, by yaw, of the photos and of frontal pictures synthesised from them.

The protocol is TP-GAN's (arXiv 1704.04086, section 4.2): one frontal picture of each test subject is the gallery, all
others are probes, and a probe is recognised when the nearest picture of the gallery shows its subject.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ppgan_ext import files
from ppgan_ext.apps.predictor import Progress, no_progress
from ppgan_ext.apps.studies.multipie.options import RecognitionOptions
from ppgan_ext.apps.studies.multipie.recognition import Recogniser
from ppgan_ext.apps.studies.multipie.report import rates_by_yaw, to_markdown
from ppgan_ext.data.image_source import ImageSource
from ppgan_ext.data.multipie import MultiPieSource, find_shot, open_multipie, recognition_protocol
from ppgan_ext.data.sources import open_source
from ppgan_ext.errors import InputError
from ppgan_ext.types import FloatArray


def run_study(options: RecognitionOptions, progress: Progress = no_progress) -> tuple[dict[str, Any], list[Path]]:
    """Measure recognition, and write ``rank1.json`` and ``rank1.md`` into the output folder.

    A photo that cannot be read is left out and counted. A probe without a readable synthesised picture counts as not
    recognised in the synthesised column: a method must not gain by leaving out what it cannot do.

    Returns:
        The record, and the files written.

    Raises:
        InputError: there are no such pictures, or no synthesised picture belongs to a probe.
        WeightsError: the face network is not available.
    """
    if not options.input:
        raise InputError("--input is missing", cure="Give the folder that contains session01/multiview/...")
    source = open_multipie(options.input, options.setting, "test", max_yaw=options.max_yaw)
    protocol = recognition_protocol(source, options.gallery_light)
    synthesised = None
    if options.synthesised is not None:
        synthesised = _match_synthesised(options.synthesised, source, protocol.probes)
    recogniser = Recogniser(options, progress)
    gallery = recogniser.describe(source, protocol.gallery, "describing the gallery")
    probes = recogniser.describe(source, protocol.probes, "describing the probes")
    if not gallery.indices:
        raise InputError("no picture of the gallery can be read", where=source, cure="Check the files")
    people, bad, num_missing = source.column("subject"), gallery.bad | probes.bad, 0
    gallery_people = people[gallery.indices]
    enrolled = np.isin(people[probes.indices], gallery_people)  # their picture of the gallery could be read
    kept = [index for index, is_enrolled in zip(probes.indices, enrolled, strict=True) if is_enrolled]

    def hits_of(rows: FloatArray) -> npt.NDArray[np.bool_]:
        """Return which of the kept probes are recognised by their descriptors; a row of NaN is not."""
        exists, hits = ~np.isnan(rows[:, 0]), np.zeros(len(kept), bool)
        hits[exists] = recogniser.hits(rows[exists], people[kept][exists], gallery.rows, gallery_people)
        return hits

    hits = {"photos": hits_of(probes.rows[enrolled])}
    if synthesised is not None:
        pictures = recogniser.describe_synthesised(kept, *synthesised)
        hits["synthesised"] = hits_of(pictures.rows)
        bad, num_missing = bad | pictures.bad, int(np.isnan(pictures.rows[:, 0]).sum())
    record = {
        "setting": options.setting, "network": options.network, "crop": options.crop, "measure": recogniser.measure,
        "gallery": len(gallery.indices), "gallery_light": options.gallery_light, "probes": len(kept),
        "without_gallery": protocol.without_gallery, "misnamed": source.misnamed, "unreadable": bad,
        "without_synthesised": num_missing,
        "rows": [asdict(row) for row in rates_by_yaw(source.column("yaw")[kept], hits)],
    }  # fmt: skip
    return record, _write(record, Path(options.output_path))


def _match_synthesised(
    folder: str, source: MultiPieSource, probes: Sequence[int]
) -> tuple[ImageSource, dict[int, int]]:
    """Open the synthesised pictures, and find that of each probe: probe -> index in the opened source."""
    pictures = open_source(folder)
    of_shot = {shot: i for i in reversed(range(len(pictures))) if (shot := find_shot(pictures.name(i))) is not None}
    index_of = {index: of_shot[source.shots[index]] for index in probes if source.shots[index] in of_shot}
    if not index_of:
        cure = "Name each picture after the photo it was made from: SSS_TT_RR_CCC_LL..."
        raise InputError("no picture in it belongs to a probe", where=folder, cure=cure)
    return pictures, index_of


def _write(record: dict[str, Any], folder: Path) -> list[Path]:
    files.make_folder(folder)
    written = [folder / "rank1.json", folder / "rank1.md"]
    files.write_bytes(written[0], json.dumps(record, indent=1).encode())
    files.write_bytes(written[1], to_markdown(record).encode())
    return written
