"""The detection study's table in Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def to_markdown(record: Mapping[str, Any]) -> str:
    """Write the study's record as a table: faces found, false faces, processor time for a megapixel."""
    names = record["detectors"]
    heads = [f"{name}: found | false | ms/MP" for name in names]
    lines = [
        f"{record['portraits']} portraits; {len(record['left_out'])} left out.",
        "",
        "| scenes | | faces | " + " | ".join(heads) + " |",
        "|---|---|--:" + "|--:" * (3 * len(names)) + "|",
    ]
    for row in record["rows"]:
        cells = [cell for name in names for cell in _cells(row[name])]
        lines.append(f"| {row['kind']} | {row['setting']} | {row[names[0]]['num_faces']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cells(tally: Mapping[str, Any]) -> tuple[str, str, str]:
    found = f"{tally['num_found'] / tally['num_faces']:.0%}" if tally["num_faces"] else ""
    return found, str(tally["num_false"]), f"{1e3 * tally['seconds'] / tally['megapixels']:.0f}"
