"""Options of the detection study."""

from __future__ import annotations

from ppgan_ext.apps.options import Options, option


class DetectionStudyOptions(Options):
    """Options of tools/evaluate_detection.py."""

    input: str | None = option(None, "folder of portraits: photos of one person each", group="input")
    num: int = option(0, "use only this many portraits; 0: all", group="input", ge=0)
    output_path: str = option("detection", "folder for detection.json and detection.md", group="output")
