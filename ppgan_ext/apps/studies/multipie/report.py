"""Recognition rates by yaw, and the Multi-PIE study's report in Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_NUM_NAMES = 3  # names listed in a note


@dataclass(frozen=True)
class YawRates:
    """Recognition at one yaw.

    Attributes:
        yaw: degrees to either side; None for all yaws together.
        num: number of probes.
        rates: kind of picture -> share recognised.
        left, right: the same for heads turned to image left and right; empty at 0 and for all yaws.
    """

    yaw: int | None
    num: int
    rates: dict[str, float]
    left: dict[str, float]
    right: dict[str, float]


def rates_by_yaw(yaws: npt.NDArray, hits: Mapping[str, npt.NDArray[np.bool_]]) -> list[YawRates]:
    """Compute recognition rates by yaw, both sides together as in TP-GAN's tables, and for each side.

    Args:
        yaws: of the probes, (P,), degrees, positive to image right.
        hits: kind of picture -> (P,) bool.

    Returns:
        One entry per absolute yaw, then one for all probes.
    """

    def rates(selected: npt.NDArray[np.bool_]) -> dict[str, float]:
        return {name: float(values[selected].mean()) for name, values in hits.items()} if selected.any() else {}

    rows = []
    for yaw in sorted({abs(int(value)) for value in yaws}):
        left, right = (rates(yaws == side) if yaw else {} for side in (-yaw, yaw))
        rows.append(YawRates(yaw, int((abs(yaws) == yaw).sum()), rates(abs(yaws) == yaw), left, right))
    return [*rows, YawRates(None, len(yaws), rates(np.ones(len(yaws), bool)), {}, {})]


def to_markdown(record: Mapping[str, Any]) -> str:
    """Write the study's record as a table with notes."""
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
            first = ", ".join(str(item) for item in list(record[key])[:_NUM_NAMES])
            notes.append(f"{len(record[key])} {what}: {first}{', ...' if len(record[key]) > _NUM_NAMES else ''}")
    return [f"* {note}" for note in notes]
