"""Options of cutting training faces out of photos."""

from __future__ import annotations

from typing import Literal

from ppgan_ext.apps.options import Options, option


class PrepareOptions(Options):
    """Options of `cutting.prepare_faces`."""

    input: str | None = option(None, "folder of photos, or a .zip or .npz of them", group="input")
    recursive: bool = option(False, "search the folder's subfolders too", group="input")
    output: str = option("faces", "folder for the faces and their manifest.jsonl, made if missing", group="output")
    size: int = option(256, "side of the face crops, pixels", group="output", ge=16, le=4096)
    crop: Literal["ffhq", "tight"] = option(
        "ffhq", "how much of the head is cut out: as in FFHQ, or from the brows to below the lip", group="output"
    )
    which: Literal["all", "largest"] = option("all", "faces of each photo to take", group="input")
    min_size: int = option(64, "leave out faces narrower than this many pixels of the photo", group="input", ge=0)
    retry: bool = option(False, "retry photos that failed in an earlier run", group="input")
    jobs: int | None = option(None, "processes (default: one for each core)", group="output", ge=1, le=512)
